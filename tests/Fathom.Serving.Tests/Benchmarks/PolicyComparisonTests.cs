using Fathom.Serving.Benchmarks;
using Fathom.Serving.Scheduling;

namespace Fathom.Serving.Tests.Benchmarks;

/// <summary>The comparison of <see cref="SchedulingBenchmark"/> in virtual time, where a decode alone costs as much as a piece of prompt of 15 tokens.</summary>
public class PolicyComparisonTests
{
    private static readonly CostModel Cost = new(WeightsMs: 20, TokenMs: 1.35);
    private static readonly IReadOnlyList<WorkloadRequest> Requests = new SchedulingWorkload { Requests = 400 }.Draw(1000);

    [Fact]
    public void RatesAtEqualLatency_IterationLevelBeatsRequestLevel()
    {
        double unloaded = VirtualTimeRun.MedianNormalizedMs(Requests, Options(SchedulingPolicy.Orca, 1), Cost, 0.01);
        double paged = Rate(Options(SchedulingPolicy.Paged, 16));
        double orca = Rate(Options(SchedulingPolicy.Orca, 16));
        double published = Math.Max(Rate(Options(SchedulingPolicy.Request, 1)), Rate(Options(SchedulingPolicy.Request, 16)));
        double whole = Rate(Options(SchedulingPolicy.Request, 16) with { WholePrompts = true });

        Assert.InRange(paged / orca, 0.9, 1.1);
        Assert.True(paged >= 1.7 * published, $"paged takes {paged:F2} requests/s, request-level as published {published:F2}");
        Assert.True(paged >= 1.3 * whole, $"paged takes {paged:F2} requests/s, request-level with whole prompts {whole:F2}");

        double Rate(SchedulerOptions options) => VirtualTimeRun.RateAt(Requests, options, Cost, 2 * unloaded);
    }

    [Fact]
    public void RateAt_BetweenTwoPoints_IsLinear()
    {
        var curve = new SchedulingCurve(SchedulingPolicy.Paged, 16, false, [Point(1, 0.010), Point(2, 0.014), Point(3, 0.030)]);

        Assert.Equal(2.375, curve.RateAt(0.020)!.Value, 1e-9);
        Assert.Null(curve.RateAt(0.005));
        Assert.Null(curve.RateAt(0.050));
    }

    [Fact]
    public void Draw_SameSeed_IsTheSameWorkloadWithinItsBounds()
    {
        var workload = new SchedulingWorkload { Requests = 2000, Seed = 3 };
        IReadOnlyList<WorkloadRequest> requests = workload.Draw(500);

        Assert.All(requests, request =>
        {
            Assert.InRange(request.Prompt.Length, 32, 512);
            Assert.InRange(request.NewTokens, 1, 128);
            Assert.All(request.Prompt, token => Assert.InRange(token, 0, 499));
        });
        Assert.Equal(272, requests.Average(request => request.Prompt.Length), 15.0);
        Assert.Equal(64.5, requests.Average(request => request.NewTokens), 4.0);
        Assert.Equal(2000, requests[^1].ArrivalAtUnitRate, 150.0);
        Assert.Equal(requests[77].Prompt, workload.Draw(500)[77].Prompt);
    }

    private static SchedulingPoint Point(double rate, double median) => new(rate, median, median, 0, 0, 0);

    private static SchedulerOptions Options(SchedulingPolicy policy, int maxBatch) =>
        new() { Policy = policy, MaxBatch = maxBatch, Blocks = 16 * 44, PrefixCaching = false };
}
