using Fathom.Memory;

namespace Fathom.FarMemory.SpanSets;

/// <summary>Scratch memory of degraded reads and local compactions, kept for reuse up to a bound.</summary>
/// <remarks>Owned by the pool's state machine.</remarks>
internal sealed class FragmentBuffers(long idleBytesMax) : IDisposable
{
    private readonly Dictionary<long, Stack<NativeBuffer>> _idle = [];
    private long _idleBytes;

    public NativeBuffer Rent(int bytes)
    {
        if (_idle.TryGetValue(bytes, out var stack) && stack.TryPop(out var buffer))
        {
            _idleBytes -= bytes;
            return buffer;
        }
        return NativeBuffer.Allocate(bytes);
    }

    public void Return(NativeBuffer buffer)
    {
        if (_idleBytes + buffer.Length > idleBytesMax)
        {
            buffer.Dispose();
            return;
        }
        if (!_idle.TryGetValue(buffer.Length, out var stack))
            _idle.Add(buffer.Length, stack = new Stack<NativeBuffer>());
        stack.Push(buffer);
        _idleBytes += buffer.Length;
    }

    public void Dispose()
    {
        foreach (var buffer in _idle.Values.SelectMany(stack => stack))
            buffer.Dispose();
        _idle.Clear();
        _idleBytes = 0;
    }
}
