using Fathom.Models.Tokenization;
using Fathom.Serving.Engine;
using Fathom.Serving.Scheduling;

namespace Fathom.Serving.Benchmarks;

/// <summary>
/// Orca's comparison on one machine: the same binary, model, kernels, requests and arrivals under each policy, and the request rates
/// at which their median normalised latencies are equal, namely twice the unloaded one.
/// </summary>
/// <remarks>
/// Latency is in real time, from planned arrival to end. A baseline may choose its batch limit: every power of two up to the common
/// limit is tried, and its best counts. A limit whose latency at the best rate so far is above the target is not pursued. The
/// baseline is the paper's: request-level batches as FasterTransformer runs them. A kinder one, which runs prompts whole, can be added.
/// The machine should do nothing else.
/// </remarks>
public sealed class SchedulingBenchmark
{
    private const double Step = 1.3;
    private const int PointsMax = 6;

    private readonly IModelExecutor _executor;
    private readonly Tokenizer _tokenizer;
    private readonly ServingOptions _options;
    private readonly IReadOnlyList<WorkloadRequest> _requests;
    private readonly Action<ServingOptions, SchedulingPoint>? _progress;

    /// <summary>A benchmark; nothing runs yet.</summary>
    /// <param name="executor">Computes the iterations; used by one engine after the other.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="options">Batch limit and token budget; the policy is the benchmark's to set.</param>
    /// <param name="workload">The requests.</param>
    /// <param name="progress">Told of every measured point and the options that gave it.</param>
    public SchedulingBenchmark(
        IModelExecutor executor, Tokenizer tokenizer, ServingOptions options, SchedulingWorkload workload, Action<ServingOptions, SchedulingPoint>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(executor);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(workload);
        _executor = executor;
        _tokenizer = tokenizer;
        _options = options;
        _requests = workload.Draw(Math.Min(executor.VocabularySize, tokenizer.VocabularySize));
        _progress = progress;
    }

    /// <summary>Measures everything.</summary>
    /// <param name="wholePrompts">Measures the kinder baseline too, in about as much time again.</param>
    /// <param name="cancellationToken">Ends the benchmark early.</param>
    /// <exception cref="InvalidOperationException">The engine refused a request or failed: the KV memory is too small for the workload, for one.</exception>
    public async Task<SchedulingReport> RunAsync(bool wholePrompts = false, CancellationToken cancellationToken = default)
    {
        // The first run only warms caches and the JIT's tiers.
        await UnloadedAsync([.. _requests.Take(8)], cancellationToken);
        SchedulingPoint unloaded = await UnloadedAsync(_requests, cancellationToken);
        _progress?.Invoke(_options, unloaded);
        double target = 2 * unloaded.MedianNormalizedSeconds;
        double alone = _requests.Count / unloaded.Seconds;

        SchedulingCurve paged = await CurveAsync(_options with { Policy = SchedulingPolicy.Paged }, 0.8 * alone, target, cancellationToken);
        double? pagedRate = paged.RateAt(target);
        SchedulingCurve orca = await CurveAsync(_options with { Policy = SchedulingPolicy.Orca }, pagedRate ?? alone, target, cancellationToken);
        List<SchedulingCurve> curves = [paged, orca];
        BaselineRate? asPublished = await BaselineAsync(wholePrompts: false, 0.6 * alone, target, curves, cancellationToken);
        // One at a time there is no other prompt whose length could matter, so that curve is common to both.
        BaselineRate? whole = wholePrompts ? await BaselineAsync(wholePrompts: true, 0.6 * alone, target, curves, cancellationToken) : null;
        return new SchedulingReport(unloaded, target, curves, pagedRate, orca.RateAt(target), asPublished, whole);
    }

    /// <summary>Measures a baseline at every batch limit and gives the best.</summary>
    private async Task<BaselineRate?> BaselineAsync(
        bool wholePrompts, double startRate, double target, List<SchedulingCurve> curves, CancellationToken cancellationToken)
    {
        BaselineRate? best = null;
        for (int batch = 1; batch <= _options.MaxBatch; batch *= 2)
        {
            SchedulingCurve? curve = curves.Find(known => batch == 1 && known.Policy == SchedulingPolicy.Request && known.MaxBatch == 1);
            if (curve is null)
            {
                ServingOptions options = _options with { Policy = SchedulingPolicy.Request, MaxBatch = batch, RequestWholePrompts = wholePrompts };
                curve = await CurveAsync(options, best?.RequestsPerSecond ?? startRate, target, cancellationToken, onlyIfBelow: best is not null);
                curves.Add(curve);
            }

            if (curve.RateAt(target) is { } rate && !(rate <= best?.RequestsPerSecond))
                best = new BaselineRate(rate, batch);
        }

        return best;
    }

    /// <summary>Walks the rate up or down until two points enclose the target, then halves the gap once.</summary>
    private async Task<SchedulingCurve> CurveAsync(
        ServingOptions options, double startRate, double target, CancellationToken cancellationToken, bool onlyIfBelow = false)
    {
        var points = new SortedList<double, SchedulingPoint>();
        double rate = startRate;
        bool startsBelow = await IsBelowAsync(rate);
        if (startsBelow || !onlyIfBelow)
        {
            while (points.Count < PointsMax)
            {
                rate = startsBelow ? rate * Step : rate / Step;
                if (await IsBelowAsync(rate) != startsBelow)
                    break;
            }

            if (Enclosing() is { } gap)
                await IsBelowAsync((gap.Low + gap.High) / 2);
        }

        return new SchedulingCurve(options.Policy, options.MaxBatch, options.RequestWholePrompts, [.. points.Values]);

        async Task<bool> IsBelowAsync(double requestsPerSecond)
        {
            SchedulingPoint point = await PointAsync(options, requestsPerSecond, cancellationToken);
            points.Add(requestsPerSecond, point);
            return point.MedianNormalizedSeconds <= target;
        }

        (double Low, double High)? Enclosing()
        {
            for (int i = points.Count - 1; i > 0; i--)
            {
                if (points.Values[i - 1].MedianNormalizedSeconds <= target && points.Values[i].MedianNormalizedSeconds > target)
                    return (points.Keys[i - 1], points.Keys[i]);
            }

            return null;
        }
    }

    private async Task<SchedulingPoint> PointAsync(ServingOptions options, double requestsPerSecond, CancellationToken cancellationToken)
    {
        await using var run = new WorkloadRun(_executor, _tokenizer, options, _requests);
        SchedulingPoint point = await run.RunAsync(requestsPerSecond, cancellationToken);
        _progress?.Invoke(options, point);
        return point;
    }

    private async Task<SchedulingPoint> UnloadedAsync(IReadOnlyList<WorkloadRequest> requests, CancellationToken cancellationToken)
    {
        await using var run = new WorkloadRun(_executor, _tokenizer, _options with { Policy = SchedulingPolicy.Orca }, requests);
        return await run.RunUnloadedAsync(cancellationToken);
    }
}
