using System.Diagnostics;
using System.Numerics;

namespace Fathom.Cli.Commands.Memory;

/// <summary>Latencies in buckets of about one percent, from 10 ns to a minute and more. One thread adds; merge before reading.</summary>
internal sealed class LatencyHistogram
{
    private const int StepsPerOctave = 64;

    private readonly long[] _counts = new long[40 * StepsPerOctave];

    public long Count { get; private set; }

    public double MaxUs { get; private set; }

    /// <summary>Adds a time in ticks of <see cref="Stopwatch"/>.</summary>
    public void Add(long ticks)
    {
        var ns = Math.Max(1, (ulong)(ticks * (1e9 / Stopwatch.Frequency)));
        var octave = BitOperations.Log2(ns);
        var step = octave < 6 ? (int)(ns - (1UL << octave)) : (int)((ns >> (octave - 6)) - StepsPerOctave);
        _counts[Math.Min(_counts.Length - 1, octave * StepsPerOctave + step)]++;
        Count++;
        MaxUs = Math.Max(MaxUs, ns / 1000.0);
    }

    public void Merge(LatencyHistogram other)
    {
        for (var i = 0; i < _counts.Length; i++)
            _counts[i] += other._counts[i];
        Count += other.Count;
        MaxUs = Math.Max(MaxUs, other.MaxUs);
    }

    /// <summary>The time within which this share of all stayed, µs.</summary>
    public double PercentileUs(double share)
    {
        var rank = (long)Math.Ceiling(share * Count);
        for (var i = 0; i < _counts.Length; i++)
        {
            rank -= _counts[i];
            if (rank > 0)
                continue;
            var octave = i / StepsPerOctave;
            var step = i % StepsPerOctave;
            var ns = octave < 6 ? (1UL << octave) + (ulong)step : (ulong)(StepsPerOctave + step) << (octave - 6);
            return Math.Round(ns / 1000.0, 3);
        }
        return 0;
    }
}
