using Fathom.Serving.Benchmarks;
using Fathom.Serving.Requests;
using Fathom.Serving.Scheduling;

namespace Fathom.Serving.Tests.Benchmarks;

/// <summary>What an iteration costs: reading the weights once, then computing each token and each row of logits.</summary>
/// <param name="WeightsMs">The floor of an iteration.</param>
/// <param name="TokenMs">Each token after those that the floor pays for.</param>
internal readonly record struct CostModel(double WeightsMs, double TokenMs)
{
    public double Milliseconds(int tokens) => Math.Max(WeightsMs, (0.8 * WeightsMs) + (TokenMs * tokens));
}

/// <summary>Runs a workload through the scheduler with a clock that only the cost model moves.</summary>
internal static class VirtualTimeRun
{
    public static double MedianNormalizedMs(IReadOnlyList<WorkloadRequest> requests, SchedulerOptions options, CostModel cost, double requestsPerSecond)
    {
        var scheduler = new Scheduler(options);
        var plan = new IterationPlan();
        var normalized = new List<double>();
        double now = 0;
        int arrived = 0;
        while (normalized.Count < requests.Count)
        {
            for (; arrived < requests.Count && ArrivalMs(arrived) <= now; arrived++)
                Assert.True(scheduler.TryAdd(new SequenceGroup(new RequestId(arrived + 1), requests[arrived].Prompt, requests[arrived].NewTokens)));
            if (!scheduler.TrySchedule(plan))
            {
                now = ArrivalMs(arrived);
                continue;
            }

            now += cost.Milliseconds(plan.TokenCount);
            scheduler.Collect(plan);
            foreach (ref TokenDraw draw in plan.Draws)
                draw.Ends = draw.Sequence.Total + 1 == draw.Sequence.Group.MaxTokens;
            scheduler.Complete(plan);
            while (scheduler.TryTakeReturned(out SequenceGroup? group))
                normalized.Add((now - ArrivalMs((int)group.Id.Value - 1)) / group.MaxNewTokens);
        }

        normalized.Sort();
        return normalized[normalized.Count / 2];

        double ArrivalMs(int index) => requests[index].ArrivalAtUnitRate * 1000 / requestsPerSecond;
    }

    /// <summary>Rate at which the median reaches the target.</summary>
    public static double RateAt(IReadOnlyList<WorkloadRequest> requests, SchedulerOptions options, CostModel cost, double targetMs)
    {
        double low = 0.01, high = 50;
        for (int i = 0; i < 14; i++)
        {
            double middle = Math.Sqrt(low * high);
            if (MedianNormalizedMs(requests, options, cost, middle) <= targetMs)
                low = middle;
            else
                high = middle;
        }

        return low;
    }
}
