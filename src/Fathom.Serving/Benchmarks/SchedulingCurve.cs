using Fathom.Serving.Scheduling;

namespace Fathom.Serving.Benchmarks;

/// <summary>One measured rate of one policy.</summary>
/// <param name="RequestsPerSecond">Rate of the Poisson arrivals; 0 for requests run one at a time.</param>
/// <param name="MedianNormalizedSeconds">Median over requests of (end - arrival) / generated tokens.</param>
/// <param name="P90NormalizedSeconds">90th percentile of the same.</param>
/// <param name="MedianFirstTokenSeconds">Median time from arrival to the first token that the client sees.</param>
/// <param name="GeneratedTokensPerSecond">Tokens generated in the run over its duration.</param>
/// <param name="Seconds">Duration of the run.</param>
public sealed record SchedulingPoint(
    double RequestsPerSecond,
    double MedianNormalizedSeconds,
    double P90NormalizedSeconds,
    double MedianFirstTokenSeconds,
    double GeneratedTokensPerSecond,
    double Seconds);

/// <summary>Latency against rate for one policy and batch limit.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="MaxBatch">Its batch limit.</param>
/// <param name="WholePrompts">Request-level batches run every prompt whole in their first iteration: <see cref="ServingOptions.RequestWholePrompts"/>.</param>
/// <param name="Points">What was measured, by rate.</param>
public sealed record SchedulingCurve(SchedulingPolicy Policy, int MaxBatch, bool WholePrompts, IReadOnlyList<SchedulingPoint> Points)
{
    /// <summary>Rate at which the median normalised latency reaches a target: linear between the neighbouring points.</summary>
    /// <param name="targetSeconds">Median normalised latency, seconds per token.</param>
    /// <returns>Null when the points do not enclose the target.</returns>
    public double? RateAt(double targetSeconds)
    {
        // The last crossing counts: with few requests a curve may touch the target early and dip again.
        for (int i = Points.Count - 1; i > 0; i--)
        {
            SchedulingPoint below = Points[i - 1], above = Points[i];
            if (below.MedianNormalizedSeconds > targetSeconds || above.MedianNormalizedSeconds <= targetSeconds)
                continue;
            double share = (targetSeconds - below.MedianNormalizedSeconds) / (above.MedianNormalizedSeconds - below.MedianNormalizedSeconds);
            return below.RequestsPerSecond + (share * (above.RequestsPerSecond - below.RequestsPerSecond));
        }

        return null;
    }
}

/// <summary>What <see cref="SchedulingBenchmark"/> found.</summary>
/// <param name="Unloaded">Requests one at a time.</param>
/// <param name="TargetSeconds">The latency at which rates are compared: twice the unloaded median.</param>
/// <param name="Curves">Every policy and batch limit that was measured.</param>
/// <param name="PagedRate">Rate of the paged policy at the target; null if the curve does not reach it.</param>
/// <param name="OrcaRate">Rate of Algorithm 1 at the target.</param>
/// <param name="Request">Request-level scheduling as FasterTransformer does it, at the best of its batch limits; null if no curve reaches the target.</param>
/// <param name="RequestWholePrompts">Request-level scheduling that runs prompts whole, at the best of its batch limits: a kinder baseline than the paper's.</param>
public sealed record SchedulingReport(
    SchedulingPoint Unloaded,
    double TargetSeconds,
    IReadOnlyList<SchedulingCurve> Curves,
    double? PagedRate,
    double? OrcaRate,
    BaselineRate? Request,
    BaselineRate? RequestWholePrompts)
{
    /// <summary>How many times more requests a second the paged policy takes than request-level scheduling at the same latency.</summary>
    public double? SpeedupAtEqualLatency => PagedRate / Request?.RequestsPerSecond;

    /// <summary>The same against the kinder baseline.</summary>
    public double? SpeedupOverWholePrompts => PagedRate / RequestWholePrompts?.RequestsPerSecond;
}

/// <summary>The best that a baseline reaches at the target latency.</summary>
/// <param name="RequestsPerSecond">Its rate.</param>
/// <param name="MaxBatch">The batch limit that gave it.</param>
public sealed record BaselineRate(double RequestsPerSecond, int MaxBatch);
