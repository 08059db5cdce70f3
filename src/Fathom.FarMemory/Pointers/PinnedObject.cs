using System.Runtime.CompilerServices;
using Fathom.FarMemory.Heap;

namespace Fathom.FarMemory.Pointers;

/// <summary>Holds an object in local memory until it is disposed, on whatever thread, across <c>await</c>.</summary>
/// <typeparam name="T">What is pinned.</typeparam>
/// <remarks>Its whole span stays with it: pins are for the length of an operation. Any thread may dispose it, once or more.</remarks>
public sealed unsafe class PinnedObject<T> : IDisposable
    where T : unmanaged
{
    private readonly byte* _address;
    private LocalSpan? _span;

    internal PinnedObject(LocalSpan span, byte* address)
    {
        _span = span;
        _address = address;
    }

    /// <summary>The object. The reference must not be used after the pin is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The pin has ended.</exception>
    public ref T Value
    {
        get
        {
            ObjectDisposedException.ThrowIf(_span is null, this);
            return ref Unsafe.AsRef<T>(_address);
        }
    }

    /// <summary>Lets the object move again.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _span, null) is { } span)
            Interlocked.Decrement(ref span.PinCount);
    }
}
