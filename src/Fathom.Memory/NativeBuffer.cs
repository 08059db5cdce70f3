using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Fathom.Memory;

/// <summary>Zeroed, aligned native memory with one owner.</summary>
/// <remarks>
/// Whoever allocates it disposes it; a forgotten one is freed by its finalizer. Any thread may use it; nothing guards the
/// contents. Spans and pointers taken from it end with it.
/// </remarks>
public sealed unsafe class NativeBuffer : SafeHandle
{
    private NativeBuffer(void* pointer, long length)
        : base(nint.Zero, ownsHandle: true)
    {
        SetHandle((nint)pointer);
        Length = length;
        GC.AddMemoryPressure(Math.Max(1, length));
    }

    /// <summary>Length in bytes.</summary>
    public long Length { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == nint.Zero;

    /// <summary>First byte, aligned as asked for.</summary>
    /// <exception cref="ObjectDisposedException">The buffer has been freed.</exception>
    public byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return (byte*)handle;
        }
    }

    /// <summary>The whole buffer as a view, valid until the buffer is disposed.</summary>
    public NativeView View => new(Pointer, Length);

    /// <summary>Allocates zeroed memory.</summary>
    /// <param name="bytes">Size; 0 gives a buffer with a valid pointer and no room.</param>
    /// <param name="alignment">Power of two, at most 2 MiB.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative size, or an alignment that is not such a power of two.</exception>
    /// <exception cref="OutOfMemoryException">The system has no such memory.</exception>
    public static NativeBuffer Allocate(long bytes, int alignment = 64)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (alignment < 1 || alignment > 2 << 20 || !BitOperations.IsPow2(alignment))
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, "Alignment must be a power of two up to 2 MiB.");
        var pointer = NativeMemory.AlignedAlloc((nuint)Math.Max(1, bytes), (nuint)alignment);
        // SAFETY: the allocation above is at least this long.
        NativeMemory.Clear(pointer, (nuint)bytes);
        return new NativeBuffer(pointer, bytes);
    }

    /// <summary>A checked window of <paramref name="count"/> values at a byte offset.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The window is not inside the buffer.</exception>
    /// <exception cref="ObjectDisposedException">The buffer has been freed.</exception>
    public Span<T> AsSpan<T>(long offsetBytes, int count) where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        // SAFETY: Slice checks the range; a count of values times their size fits in 64 bits.
        return new Span<T>(View.Slice(offsetBytes, (long)count * Unsafe.SizeOf<T>()).Pointer, count);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        // SAFETY: the handle came from AlignedAlloc and SafeHandle calls this once.
        NativeMemory.AlignedFree((void*)handle);
        GC.RemoveMemoryPressure(Math.Max(1, Length));
        return true;
    }
}
