using System.Diagnostics;
using System.Diagnostics.Metrics;
using Fathom.Models.Tokenization;
using Fathom.Serving.Engine;
using Fathom.Serving.Metrics;
using Fathom.Serving.Requests;
using Fathom.Serving.Sampling;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Serving.Benchmarks;

/// <summary>Runs a workload once on an engine of its own and measures every request from its planned arrival to its end.</summary>
internal sealed class WorkloadRun : IAsyncDisposable
{
    private readonly IReadOnlyList<WorkloadRequest> _requests;
    private readonly RunMeters _meters = new();
    private readonly ServingEngine _engine;
    private readonly double[] _firstTokenSeconds;
    private readonly double[] _normalizedSeconds;

    public WorkloadRun(IModelExecutor executor, Tokenizer tokenizer, ServingOptions options, IReadOnlyList<WorkloadRequest> requests)
    {
        _requests = requests;
        _firstTokenSeconds = new double[requests.Count];
        _normalizedSeconds = new double[requests.Count];
        _engine = new ServingEngine(
            executor, tokenizer, options with { QueueLimit = requests.Count }, new ServingMetrics(_meters, "benchmark"), NullLogger<ServingEngine>.Instance);
    }

    /// <summary>Open loop: requests arrive when the workload says, whatever became of those before.</summary>
    public async Task<SchedulingPoint> RunAsync(double requestsPerSecond, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        var running = new Task[_requests.Count];
        for (int i = 0; i < running.Length; i++)
        {
            double arrival = _requests[i].ArrivalAtUnitRate / requestsPerSecond;
            TimeSpan early = TimeSpan.FromSeconds(arrival) - Stopwatch.GetElapsedTime(start);
            if (early > TimeSpan.Zero)
                await Task.Delay(early, cancellationToken);
            int index = i;
            running[i] = Task.Run(() => MeasureAsync(index, start, arrival, cancellationToken), cancellationToken);
        }

        await Task.WhenAll(running);
        return Summarize(requestsPerSecond, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    /// <summary>One request at a time: nobody waits for anybody.</summary>
    public async Task<SchedulingPoint> RunUnloadedAsync(CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < _requests.Count; i++)
            await MeasureAsync(i, start, Stopwatch.GetElapsedTime(start).TotalSeconds, cancellationToken);
        return Summarize(0, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    public async ValueTask DisposeAsync()
    {
        await _engine.DisposeAsync();
        _meters.Dispose();
    }

    private async Task MeasureAsync(int index, long start, double arrival, CancellationToken cancellationToken)
    {
        WorkloadRequest request = _requests[index];
        Submission submission = _engine.Submit(
            new GenerationRequest { Prompt = request.Prompt, MaxNewTokens = request.NewTokens, IgnoreEndOfGeneration = true, Sampling = SamplingParameters.Greedy },
            cancellationToken);
        if (!submission.IsAccepted)
            throw new InvalidOperationException($"the engine refused a request of the benchmark: {submission.Refusal.Message}");
        bool hasFirst = false;
        await foreach (GenerationUpdate update in submission.Generation.ReadAllAsync(cancellationToken))
        {
            if (update.Error is { } error)
                throw new InvalidOperationException($"a request of the benchmark failed: {error}");
            if (!hasFirst)
                _firstTokenSeconds[index] = Stopwatch.GetElapsedTime(start).TotalSeconds - arrival;
            hasFirst = true;
        }

        _normalizedSeconds[index] = (Stopwatch.GetElapsedTime(start).TotalSeconds - arrival) / request.NewTokens;
    }

    private SchedulingPoint Summarize(double requestsPerSecond, double seconds) => new(
        requestsPerSecond, Quantile(_normalizedSeconds, 0.5), Quantile(_normalizedSeconds, 0.9), Quantile(_firstTokenSeconds, 0.5),
        _requests.Sum(request => request.NewTokens) / seconds, seconds);

    /// <summary>Quantile with linear interpolation between order statistics.</summary>
    private static double Quantile(double[] values, double quantile)
    {
        double[] sorted = [.. values.Order()];
        double place = quantile * (sorted.Length - 1);
        int below = (int)place;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((place - below) * (sorted[above] - sorted[below]));
    }

    /// <summary>A meter that nobody listens to.</summary>
    private sealed class RunMeters : IMeterFactory
    {
        private readonly List<Meter> _made = [];

        public Meter Create(MeterOptions options)
        {
            options.Scope = this;
            var meter = new Meter(options);
            _made.Add(meter);
            return meter;
        }

        public void Dispose() => _made.ForEach(static meter => meter.Dispose());
    }
}
