using System.Numerics;

namespace Fathom.Memory;

/// <summary>Native buffers for reuse; keeps at most a fixed number of idle bytes.</summary>
/// <remarks>
/// Any thread may rent and return; one lock guards the shelves. Sizes are rounded up to powers of two, from 4 KiB on.
/// A lease does not reach past its stack frame, so a buffer cannot be used after its return.
/// </remarks>
public sealed class BufferPool : IDisposable
{
    private const int SmallestShift = 12;

    private readonly Lock _lock = new();
    private readonly Stack<NativeBuffer>[] _shelves = new Stack<NativeBuffer>[62 - SmallestShift];
    private readonly long _idleBytesMax;
    private long _idleBytes;
    private bool _disposed;

    /// <summary>Creates an empty pool.</summary>
    /// <param name="idleBytesMax">Bytes kept for reuse; a buffer returned beyond them is freed at once.</param>
    public BufferPool(long idleBytesMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(idleBytesMax);
        _idleBytesMax = idleBytesMax;
        for (var i = 0; i < _shelves.Length; i++)
            _shelves[i] = new Stack<NativeBuffer>();
    }

    /// <summary>Bytes that wait for reuse.</summary>
    public long IdleBytes
    {
        get
        {
            lock (_lock)
                return _idleBytes;
        }
    }

    /// <summary>Lends a buffer of at least <paramref name="bytes"/> bytes; its contents are whatever the last user left.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative, or above 2^60.</exception>
    /// <exception cref="ObjectDisposedException">The pool is closed.</exception>
    public BufferLease Rent(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, 1L << 60);
        var shelf = Shelf(bytes);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_shelves[shelf].TryPop(out var idle))
            {
                _idleBytes -= idle.Length;
                return new BufferLease(this, idle, bytes);
            }
        }
        return new BufferLease(this, NativeBuffer.Allocate(1L << (shelf + SmallestShift)), bytes);
    }

    /// <summary>Frees what is idle; buffers still out are freed when they come back.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (var shelf in _shelves)
            {
                while (shelf.TryPop(out var idle))
                    idle.Dispose();
            }
            _idleBytes = 0;
        }
    }

    internal void Return(NativeBuffer buffer)
    {
        lock (_lock)
        {
            if (!_disposed && _idleBytes + buffer.Length <= _idleBytesMax)
            {
                _idleBytes += buffer.Length;
                _shelves[Shelf(buffer.Length)].Push(buffer);
                return;
            }
        }
        buffer.Dispose();
    }

    private static int Shelf(long bytes) =>
        Math.Max(0, BitOperations.Log2((ulong)Math.Max(1, bytes - 1)) + 1 - SmallestShift);
}
