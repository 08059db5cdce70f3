namespace Fathom.LoadGenerator.Tests;

public sealed class SeededRandomTests
{
    [Fact]
    public void NextBits_OfSeed1234567_MatchesThePublishedVector()
    {
        // Published with the reference implementation, for this seed.
        var random = new SeededRandom(1234567);
        ulong[] expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821];
        foreach (var bits in expected)
            Assert.Equal(bits, random.NextBits());
    }

    [Fact]
    public void NextWithin_ManyDraws_CoversTheRangeEvenly()
    {
        var random = new SeededRandom(7);
        var counts = new int[10];
        for (var i = 0; i < 100_000; i++)
            counts[random.NextWithin(new TokenRange(3, 12)) - 3]++;
        // Each bin is binomial(100000, 0.1): five standard deviations are 474.
        Assert.All(counts, count => Assert.InRange(count, 9_500, 10_500));
        Assert.Equal(5, random.NextWithin(new TokenRange(5, 5)));
    }

    [Fact]
    public void NextExponential_ManyDraws_HasMeanAndVarianceOne()
    {
        var random = new SeededRandom(11);
        var draws = new double[200_000];
        for (var i = 0; i < draws.Length; i++)
            draws[i] = random.NextExponential();
        var mean = draws.Average();
        // Standard errors: 0.0022 of the mean, about 0.0063 of the variance.
        Assert.InRange(mean, 0.985, 1.015);
        Assert.InRange(draws.Average(x => (x - mean) * (x - mean)), 0.96, 1.04);
        Assert.All(draws, x => Assert.True(x >= 0 && double.IsFinite(x)));
    }
}
