using System.Numerics;

namespace Fathom.LoadGenerator;

/// <summary>SplitMix64: a seed gives the same numbers on every machine and runtime, which System.Random does not promise.</summary>
/// <remarks>Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.</remarks>
internal struct SeededRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>64 uniform bits.</summary>
    public ulong NextBits()
    {
        var z = _state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform in [0, 1), on a grid of 2^-53.</summary>
    public double NextUnit() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in the range, both ends included; unbiased by rejection (Lemire 2019).</summary>
    public int NextWithin(TokenRange range)
    {
        var count = (ulong)((long)range.Max - range.Min + 1);
        while (true)
        {
            var product = (UInt128)NextBits() * count;
            if ((ulong)product >= (0 - count) % count)
                return (int)(range.Min + (long)(ulong)(product >> 64));
        }
    }

    /// <summary>Exponentially distributed with mean 1: the gap between Poisson arrivals.</summary>
    public double NextExponential() => -Math.Log(1 - NextUnit());

    /// <summary>A generator whose numbers do not depend on how many this one has given.</summary>
    public static SeededRandom ForStream(ulong seed, ulong stream) =>
        new(new SeededRandom(seed ^ BitOperations.RotateLeft(stream * 0xd1342543de82ef95, 32)).NextBits());
}
