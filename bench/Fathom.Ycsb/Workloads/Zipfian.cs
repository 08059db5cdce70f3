namespace Fathom.Ycsb.Workloads;

/// <summary>Zipf-distributed ranks from 0, θ = 0.99, as YCSB draws them.</summary>
/// <remarks>Source: Gray et al., "Quickly generating billion-record synthetic databases", SIGMOD 1994. One thread's.</remarks>
internal sealed class Zipfian
{
    private const double Theta = 0.99;
    private const double Alpha = 1 / (1 - Theta);
    private static readonly double ZetaOfTwo = 1 + Math.Pow(0.5, Theta);

    private long _items;
    private double _zeta;
    private double _eta;

    /// <param name="items">Ranks.</param>
    public Zipfian(long items) => Grow(items);

    private Zipfian(long items, double zeta)
    {
        (_items, _zeta) = (items, zeta);
        SetEta();
    }

    /// <summary>Over ten thousand million ranks, whose ζ YCSB has as a constant: what its scrambled distribution draws from.</summary>
    public static Zipfian OfScrambled() => new(10_000_000_000, 26.46902820178302);

    /// <summary>Another generator of the same distribution; the sum over all ranks is not computed again.</summary>
    public Zipfian Copy() => new(_items, _zeta);

    /// <summary>More ranks than before.</summary>
    public void Grow(long items)
    {
        for (; _items < items; _items++)
            _zeta += 1 / Math.Pow(_items + 1, Theta);
        SetEta();
    }

    /// <summary>The next rank.</summary>
    public long Next(BenchmarkRandom random)
    {
        var u = random.NextUnit();
        var uz = u * _zeta;
        if (uz < 1)
            return 0;
        if (uz < ZetaOfTwo)
            return 1;
        return Math.Min(_items - 1, (long)(_items * Math.Pow(_eta * u - _eta + 1, Alpha)));
    }

    private void SetEta() => _eta = (1 - Math.Pow(2.0 / _items, 1 - Theta)) / (1 - ZetaOfTwo / _zeta);
}
