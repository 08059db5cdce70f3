using System.Numerics;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Node;

/// <summary>Native memory of one connection that grows to the largest payload it has carried, within the protocol's bound.</summary>
/// <remarks>One thread. A view ends with the next call.</remarks>
internal sealed class GrowingBuffer : IDisposable
{
    private NativeBuffer _buffer = NativeBuffer.Allocate(64 << 10);

    public NativeView View(long bytes)
    {
        Invariant.Check(bytes <= FrameHeader.PayloadBytesMax);
        if (bytes > _buffer.Length)
        {
            _buffer.Dispose();
            _buffer = NativeBuffer.Allocate((long)BitOperations.RoundUpToPowerOf2((ulong)bytes));
        }
        return _buffer.View.Slice(0, bytes);
    }

    public void Dispose() => _buffer.Dispose();
}
