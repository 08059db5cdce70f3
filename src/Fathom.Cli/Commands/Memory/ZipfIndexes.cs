namespace Fathom.Cli.Commands.Memory;

/// <summary>Draws indexes with Zipf's law: the i-th most popular of n with weight 1/i^z; z = 0 is uniform. Popularity is scattered over the indexes.</summary>
/// <remarks>Immutable; each thread draws with its own generator. Rejection inversion after Hörmann and Derflinger 1996: no table.</remarks>
internal sealed class ZipfIndexes
{
    private readonly long _count;
    private readonly double _exponent;
    private readonly double _first;
    private readonly double _last;
    private readonly double _cut;
    private readonly long _stride;

    public ZipfIndexes(long count, double exponent)
    {
        _count = count;
        _exponent = exponent;
        _first = Integral(1.5) - 1;
        _last = Integral(count + 0.5);
        _cut = 2 - Inverse(Integral(2.5) - Math.Pow(2, -exponent));
        // Odd and near the golden ratio; made coprime to the count, so that ranks map one to one onto indexes.
        _stride = (long)(count * 0.6180339887) | 1;
        while (GreatestCommonDivisor(_stride, count) != 1)
            _stride += 2;
    }

    public long Next(Random random) => (Rank(random) - 1) * _stride % _count;

    private long Rank(Random random)
    {
        if (_exponent == 0)
            return random.NextInt64(_count) + 1;
        while (true)
        {
            var u = _last + random.NextDouble() * (_first - _last);
            var x = Inverse(u);
            var k = Math.Clamp((long)(x + 0.5), 1, _count);
            if (k - x <= _cut || u >= Integral(k + 0.5) - Math.Pow(k, -_exponent))
                return k;
        }
    }

    /// <summary>∫ x^-z dx.</summary>
    private double Integral(double x) => Math.Abs(1 - _exponent) < 1e-9 ? Math.Log(x) : (Math.Pow(x, 1 - _exponent) - 1) / (1 - _exponent);

    private double Inverse(double y) => Math.Abs(1 - _exponent) < 1e-9 ? Math.Exp(y) : Math.Pow(1 + y * (1 - _exponent), 1 / (1 - _exponent));

    private static long GreatestCommonDivisor(long a, long b) => b == 0 ? a : GreatestCommonDivisor(b, a % b);
}
