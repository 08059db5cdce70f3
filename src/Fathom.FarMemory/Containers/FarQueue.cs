using System.Diagnostics.CodeAnalysis;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;

namespace Fathom.FarMemory.Containers;

/// <summary>First in, first out; what lies between the two ends lives in far memory.</summary>
/// <typeparam name="T">Any type without references to managed objects.</typeparam>
/// <remarks>Any thread may call any member; one lock guards the ends and is held while a far segment comes in. Bounded.</remarks>
public sealed class FarQueue<T> : IDisposable
    where T : unmanaged
{
    private readonly Lock _lock = new();
    private readonly FarHeap _heap;
    private readonly Queue<RemoteBytes> _segments = new();
    private readonly int _segmentItems;
    private readonly int _itemBytes;
    private RemoteBytes _last;
    private int _firstTaken;
    private int _lastFilled;
    private long _count;
    private bool _disposed;

    /// <summary>An empty queue.</summary>
    /// <param name="heap">Where the items live.</param>
    /// <param name="capacity">Items it takes before <see cref="TryEnqueue"/> says no.</param>
    public unsafe FarQueue(FarHeap heap, long capacity)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _heap = heap;
        Capacity = capacity;
        _itemBytes = sizeof(T);
        _segmentItems = Math.Max(1, 4096 / _itemBytes);
        _lastFilled = _segmentItems;
    }

    /// <summary>Most items it holds.</summary>
    public long Capacity { get; }

    /// <summary>Items it holds.</summary>
    public long Count
    {
        get
        {
            lock (_lock)
                return _count;
        }
    }

    /// <summary>Adds an item at the end.</summary>
    /// <returns>False when the queue is full.</returns>
    /// <exception cref="FarMemoryException">There was no room in local memory in time; the queue is as before.</exception>
    public bool TryEnqueue(in T item)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_count == Capacity)
                return false;
            if (_lastFilled == _segmentItems)
            {
                _last = _heap.AllocateBytes(checked(_segmentItems * _itemBytes));
                _segments.Enqueue(_last);
                _lastFilled = 0;
            }
            using var scope = _heap.EnterScope();
            Items(_last, scope)[_lastFilled] = item;
            _lastFilled++;
            _count++;
            return true;
        }
    }

    /// <summary>Takes the item at the front.</summary>
    /// <returns>False when the queue is empty.</returns>
    /// <exception cref="FarMemoryException">The item could not be brought here; it stays in the queue.</exception>
    public bool TryDequeue([MaybeNullWhen(false)] out T item)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_count == 0)
            {
                item = default;
                return false;
            }
            var first = _segments.Peek();
            using (var scope = _heap.EnterScope())
                item = Items(first, scope)[_firstTaken];
            _firstTaken++;
            _count--;
            if (_firstTaken == _segmentItems)
                DropFirst(first);
            return true;
        }
    }

    /// <summary>Ends the queue and what is in it.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
                return;
            _disposed = true;
            while (_segments.TryDequeue(out var segment))
                _heap.Free(segment);
        }
    }

    private void DropFirst(RemoteBytes first)
    {
        _segments.Dequeue();
        _heap.Free(first);
        _firstTaken = 0;
        if (_segments.Count == 0)
            _lastFilled = _segmentItems; // the last segment was the first: the next item begins a new one
        else
            _heap.Prefetch(_segments.Peek());
    }

    private static Span<T> Items(RemoteBytes segment, in DerefScope scope) =>
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, T>(segment.Deref(scope));
}
