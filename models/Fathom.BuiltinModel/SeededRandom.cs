namespace Fathom.BuiltinModel;

/// <summary>xoshiro256** seeded by splitmix64: the same numbers on every machine and runtime. Source: Blackman and Vigna 2018.</summary>
internal sealed class SeededRandom
{
    private ulong _a, _b, _c, _d;

    public SeededRandom(ulong seed)
    {
        _a = SplitMix(ref seed);
        _b = SplitMix(ref seed);
        _c = SplitMix(ref seed);
        _d = SplitMix(ref seed);
    }

    public ulong NextUInt64()
    {
        ulong result = ulong.RotateLeft(_b * 5, 7) * 9;
        ulong t = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= t;
        _d = ulong.RotateLeft(_d, 45);
        return result;
    }

    /// <summary>Uniform in [0, limit).</summary>
    public int Next(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return (int)(((NextUInt64() >> 32) * (ulong)limit) >> 32);
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    public bool Chance(double probability) => NextDouble() < probability;

    public T Pick<T>(IReadOnlyList<T> items) => items[Next(items.Count)];

    /// <summary>Standard normal, by the sum of twelve uniforms: no library logarithm whose last bit may differ between machines.</summary>
    public double NextNormal()
    {
        double sum = -6.0;
        for (int i = 0; i < 12; i++)
            sum += NextDouble();
        return sum;
    }

    /// <summary>A different stream for each index, whatever order the indices are asked for in.</summary>
    public static SeededRandom ForIndex(ulong seed, long index) => new(seed ^ unchecked((ulong)(index + 1) * 0x9E3779B97F4A7C15UL));

    private static ulong SplitMix(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15UL;
        ulong z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
