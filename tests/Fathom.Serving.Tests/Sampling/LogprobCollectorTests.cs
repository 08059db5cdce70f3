using Fathom.Serving.Requests;
using Fathom.Serving.Sampling;

namespace Fathom.Serving.Tests.Sampling;

public class LogprobCollectorTests
{
    [Fact]
    public void Describe_RandomRow_AgreesWithDoublePrecision()
    {
        var random = new Random(9);
        float[] row = [.. Enumerable.Range(0, 317).Select(_ => (random.NextSingle() * 20) - 10)];
        double max = row.Max(), logSum = max + Math.Log(row.Sum(logit => Math.Exp(logit - max)));
        var collector = new LogprobCollector(row.Length);
        collector.Keep(row);

        EmittedToken described = collector.Describe(100, 12);

        Assert.Equal(row[100] - logSum, described.Logprob, 1e-5);
        int[] best = [.. Enumerable.Range(0, row.Length).OrderByDescending(i => row[i]).Take(12)];
        Assert.Equal(best, described.Top.Select(top => top.Token));
        Assert.All(described.Top, top => Assert.Equal(row[top.Token] - logSum, top.Logprob, 1e-5));
        Assert.Equal(1, Enumerable.Range(0, row.Length).Sum(i => Math.Exp(collector.LogprobOf(i))), 1e-4);
    }

    [Fact]
    public void Describe_MoreAlternativesThanTokens_ListsAll()
    {
        var collector = new LogprobCollector(3);
        collector.Keep([0, float.NegativeInfinity, 1]);

        EmittedToken described = collector.Describe(1, 20);

        Assert.Equal(float.NegativeInfinity, described.Logprob);
        Assert.Equal([2, 0, 1], described.Top.Select(top => top.Token));
    }
}
