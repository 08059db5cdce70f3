using System.Diagnostics;
using System.Numerics;

namespace Fathom.Ycsb;

/// <summary>Latencies in buckets of 1/32 of their power of two.</summary>
/// <remarks>One thread's until it is added to another.</remarks>
internal sealed class LatencyHistogram
{
    private const int Fine = 5;

    private readonly long[] _counts = new long[64 << Fine];
    private long _total;

    /// <summary>Adds a latency in ticks of <see cref="Stopwatch"/>.</summary>
    public void Add(long ticks)
    {
        var value = (ulong)Math.Max(1, ticks);
        var exponent = BitOperations.Log2(value);
        var part = exponent >= Fine ? (int)(value >> (exponent - Fine)) & ((1 << Fine) - 1) : (int)(value << (Fine - exponent)) & ((1 << Fine) - 1);
        _counts[(exponent << Fine) + part]++;
        _total++;
    }

    /// <summary>Adds another's.</summary>
    public void Add(LatencyHistogram other)
    {
        for (var i = 0; i < _counts.Length; i++)
            _counts[i] += other._counts[i];
        _total += other._total;
    }

    /// <summary>Upper end of the bucket that holds a percentile, in microseconds; 0 of none.</summary>
    public double PercentileUs(double fraction)
    {
        var rank = (long)Math.Ceiling(_total * fraction);
        for (var i = 0; i < _counts.Length && _total > 0; i++)
        {
            rank -= _counts[i];
            if (rank > 0)
                continue;
            var (exponent, part) = (i >> Fine, i & ((1 << Fine) - 1));
            return (1 + (part + 1) / (double)(1 << Fine)) * Math.Pow(2, exponent) * 1e6 / Stopwatch.Frequency;
        }
        return 0;
    }
}
