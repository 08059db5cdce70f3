namespace Fathom.Models.Synthesis;

/// <summary>SplitMix64: a stream of bits for each (seed, tensor, row group), so that threads need not agree on an order.</summary>
/// <remarks>Source: Steele, Lea and Flood 2014.</remarks>
internal struct RandomStream
{
    private ulong _state;

    public RandomStream(ulong seed, int tensor, int item)
    {
        _state = seed;
        _state = Next() ^ (uint)tensor;
        _state = Next() ^ (uint)item;
    }

    public ulong Next()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    public void Fill(Span<byte> bytes)
    {
        while (bytes.Length >= 8)
        {
            BitConverter.TryWriteBytes(bytes, Next());
            bytes = bytes[8..];
        }

        if (bytes.IsEmpty)
            return;
        Span<byte> last = stackalloc byte[8];
        BitConverter.TryWriteBytes(last, Next());
        last[..bytes.Length].CopyTo(bytes);
    }
}
