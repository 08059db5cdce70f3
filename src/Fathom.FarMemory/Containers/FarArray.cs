using System.Numerics;
using System.Runtime.CompilerServices;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;

namespace Fathom.FarMemory.Containers;

/// <summary>An array of fixed length whose elements live in local or far memory.</summary>
/// <typeparam name="T">Any type without references to managed objects.</typeparam>
/// <remarks>
/// Small elements share objects of about a kilobyte, larger ones have one each. Any thread may use it; elements are not synchronised.
/// The pointer words stand side by side, so reaching an element is one look at a word, as through a remote pointer.
/// </remarks>
public sealed unsafe class FarArray<T> : IDisposable
    where T : unmanaged
{
    private const int ObjectBytesWanted = 1024;

    private readonly FarHeap _heap;
    private readonly ulong* _slots;
    private readonly long _objects;
    private readonly int _shift;
    private bool _disposed;

    /// <summary>An array of default values.</summary>
    /// <param name="heap">Where the elements live.</param>
    /// <param name="length">Number of elements.</param>
    /// <exception cref="LocalMemoryExhaustedException">The heap could not make room in time.</exception>
    public FarArray(FarHeap heap, long length)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _heap = heap;
        Length = length;
        _shift = BitOperations.Log2((uint)Math.Max(1, ObjectBytesWanted / sizeof(T)));
        _objects = (length + (1L << _shift) - 1) >> _shift;
        _slots = heap.UniqueSlots.TakeBlock(Math.Max(1, _objects));
        var objectBytes = checked(sizeof(T) << _shift);
        for (long made = 0; made < _objects; made++)
        {
            try
            {
                heap.Make(_slots + made, [], objectBytes);
            }
            catch (LocalMemoryExhaustedException)
            {
                Free(made);
                throw;
            }
        }
    }

    /// <summary>Number of elements.</summary>
    public long Length { get; }

    /// <summary>Elements that come to local memory, and leave it, as one object.</summary>
    public int ElementsPerObject => 1 << _shift;

    /// <summary>The element at <paramref name="index"/>; the reference ends with the scope.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The index is outside of the array.</exception>
    /// <exception cref="FarMemoryException">The element could not be brought here; the type says why.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref T At(long index, in DerefScope scope)
    {
        if ((ulong)index >= (ulong)Length)
            ThrowOutside(index);
        // SAFETY: the object holds 1 << shift elements; the index was checked.
        var elements = (T*)Dereference.Address(_slots + (index >> _shift), scope);
        return ref elements[index & ((1L << _shift) - 1)];
    }

    /// <summary>Begins to bring an element to local memory.</summary>
    /// <returns>False when too many are on their way already, and nothing was begun.</returns>
    public bool Prefetch(long index)
    {
        if ((ulong)index >= (ulong)Length)
            ThrowOutside(index);
        return _heap.Prefetch(new RemoteUnique<T>(_slots + (index >> _shift)));
    }

    /// <summary>Ends all elements. No thread may be using one.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, true))
            return;
        Free(_objects);
    }

    private void Free(long objects)
    {
        for (long i = 0; i < objects; i++)
            _heap.Barrier.Free(_slots + i);
        _heap.UniqueSlots.GiveBackBlock(_slots, Math.Max(1, _objects));
    }

    private void ThrowOutside(long index) =>
        throw new ArgumentOutOfRangeException(nameof(index), index, $"The array has {Length} elements.");
}
