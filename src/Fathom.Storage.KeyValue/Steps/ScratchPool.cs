namespace Fathom.Storage.KeyValue.Steps;

/// <summary>Scratch of one size for chains; as many as there are chains at once.</summary>
internal sealed class ScratchPool(int bytes)
{
    private readonly Lock _lock = new();
    private readonly Stack<byte[]> _idle = new();

    /// <summary>Takes one; what it holds is left from before.</summary>
    public byte[] Rent()
    {
        lock (_lock)
        {
            if (_idle.TryPop(out var scratch))
                return scratch;
        }
        return new byte[bytes];
    }

    /// <summary>Gives it back.</summary>
    public void Return(byte[] scratch)
    {
        lock (_lock)
            _idle.Push(scratch);
    }
}
