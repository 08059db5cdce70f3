namespace Fathom.Bpf.Fuzzing;

/// <summary>SplitMix64: a sequence that its seed reproduces on every runtime.</summary>
internal sealed class RandomBits(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        var z = _state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    /// <summary>0 to <paramref name="count"/> - 1.</summary>
    public int Below(int count) => (int)(Next() % (uint)count);

    public bool OneIn(int count) => Below(count) == 0;

    public T Pick<T>(ReadOnlySpan<T> choices) => choices[Below(choices.Length)];

    /// <summary>Numbers where arithmetic has its edges, mixed with any others.</summary>
    public int Immediate() => Below(4) switch
    {
        0 => Pick([0, 1, -1, 2, 7, 8, 31, 32, 63, 64, 255, 256, 0x7fff, 0x8000, 0xffff, int.MaxValue, int.MinValue]),
        1 => Below(256),
        _ => (int)Next(),
    };
}
