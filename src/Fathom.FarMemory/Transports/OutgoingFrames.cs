using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Transports;

/// <summary>Whole frames that wait for a connection, as bytes: copied in by the pool, taken out by the sending thread.</summary>
/// <remarks>
/// Bounded: a frame that does not fit is not taken. The copy is what lets a request be cancelled while its frame waits. One lock,
/// held for a copy at most; one thread takes.
/// </remarks>
internal sealed class OutgoingFrames(long bytesMax) : IDisposable
{
    private readonly Lock _lock = new();
    private NativeBuffer _filling = NativeBuffer.Allocate(bytesMax);
    private NativeBuffer _leaving = NativeBuffer.Allocate(bytesMax);
    private long _filled;
    private bool _disposed;

    /// <summary>Whether nothing waits.</summary>
    public bool IsEmpty => Volatile.Read(ref _filled) == 0;

    /// <summary>Reserves room for a frame and lets <paramref name="write"/> fill it; false when there is none.</summary>
    public bool TryAdd<TState>(TState state, long payloadBytes, FrameWriter<TState> write)
    {
        lock (_lock)
        {
            var bytes = FrameHeader.Bytes + payloadBytes;
            if (_disposed || bytes > bytesMax - _filled)
                return false;
            var header = write(state, _filling.View.Slice(_filled + FrameHeader.Bytes, payloadBytes));
            header.Write(_filling.AsSpan<byte>(_filled, FrameHeader.Bytes));
            Volatile.Write(ref _filled, _filled + bytes);
            return true;
        }
    }

    /// <summary>Everything that waits; valid until the next call.</summary>
    public NativeView TakeAll()
    {
        lock (_lock)
        {
            if (_disposed)
                return default;
            (_filling, _leaving) = (_leaving, _filling);
            var taken = _leaving.View.Slice(0, _filled);
            _filled = 0;
            return taken;
        }
    }

    /// <summary>Frees the memory; the sending thread has ended before.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _filling.Dispose();
            _leaving.Dispose();
        }
    }
}

/// <summary>Fills a frame's payload and returns its header.</summary>
internal delegate FrameHeader FrameWriter<TState>(TState state, NativeView payload);
