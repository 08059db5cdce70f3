namespace Fathom.LoadGenerator;

/// <summary>How far a run is.</summary>
/// <param name="Finished">Requests that completed or failed.</param>
/// <param name="Requests">Requests in all.</param>
public readonly record struct LoadProgress(int Finished, int Requests);

/// <summary>Loads an OpenAI-compatible server as the options say and reports what a client saw.</summary>
/// <remarks>One instance, one run at a time. Requests run on the thread pool; the outcomes are gathered under one lock.</remarks>
public sealed class LoadRun
{
    private readonly LoadOptions _options;
    private readonly TimeProvider _clock;
    private readonly IProgress<LoadProgress>? _progress;
    private readonly Lock _gate = new();
    private readonly List<RequestOutcome> _outcomes = [];
    private int _inFlight;
    private int _inFlightPeak;

    private LoadRun(LoadOptions options, TimeProvider clock, IProgress<LoadProgress>? progress)
    {
        _options = options;
        _clock = clock;
        _progress = progress;
    }

    /// <summary>Finds out what the server accepts, runs the whole load and summarises it.</summary>
    /// <param name="options">The load.</param>
    /// <param name="clock">Measures and waits; the system's when null.</param>
    /// <param name="progress">Told after every request, when given.</param>
    /// <param name="cancellationToken">Ends the run without a report; requests under way are aborted.</param>
    /// <exception cref="LoadGeneratorException">An option is wrong, or the server does not answer as one.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<LoadReport> RunAsync(
        LoadOptions options, TimeProvider? clock = null, IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        clock ??= TimeProvider.System;
        using var handler = new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false };
        using var http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        var client = new CompletionClient(http, options, clock);
        var workload = new Workload(options);
        using var probing = new CancellationTokenSource(options.RequestTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(probing.Token, cancellationToken);
        ServerDialect dialect;
        try
        {
            dialect = await new DialectProbe(client, workload).FindAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
        {
            throw new LoadGeneratorException(client.BaseUrl.ToString(), $"does not answer within {options.RequestTimeout}", error);
        }
        return await new LoadRun(options, clock, progress).RunAsync(client, workload, dialect, cancellationToken).ConfigureAwait(false);
    }

    private async Task<LoadReport> RunAsync(
        CompletionClient client, Workload workload, ServerDialect dialect, CancellationToken cancellationToken)
    {
        var start = _clock.GetTimestamp();
        if (_options.Concurrency is { } concurrency)
            await RunClosedAsync(client, workload, dialect, concurrency, cancellationToken).ConfigureAwait(false);
        else
            await RunOpenAsync(client, workload, dialect, start, cancellationToken).ConfigureAwait(false);
        return Summarize(client, dialect, _clock.GetElapsedTime(start));
    }

    private async Task RunClosedAsync(
        CompletionClient client, Workload workload, ServerDialect dialect, int concurrency, CancellationToken cancellationToken)
    {
        await Parallel.ForEachAsync(
            workload.Requests(),
            new ParallelOptions { MaxDegreeOfParallelism = concurrency, CancellationToken = cancellationToken },
            async (request, cancelled) =>
                await RunOneAsync(client, workload, request, dialect, _clock.GetTimestamp(), cancelled).ConfigureAwait(false))
            .ConfigureAwait(false);
    }

    private async Task RunOpenAsync(
        CompletionClient client, Workload workload, ServerDialect dialect, long start, CancellationToken cancellationToken)
    {
        using var slots = new SemaphoreSlim(_options.ConcurrencyMax);
        var running = new List<Task>();
        try
        {
            foreach (var request in workload.Requests())
            {
                var wait = request.Arrival - _clock.GetElapsedTime(start);
                if (wait > TimeSpan.Zero)
                    await Task.Delay(wait, _clock, cancellationToken).ConfigureAwait(false);
                await slots.WaitAsync(cancellationToken).ConfigureAwait(false);
                var arrival = start + (long)(request.Arrival.TotalSeconds * _clock.TimestampFrequency);
                running.Add(RunOneThenReleaseAsync(request, arrival));
                running.RemoveAll(task => task.IsCompletedSuccessfully);
            }
        }
        finally
        {
            // Also after cancellation: no request outlives the slots and the client it uses.
            await Task.WhenAll(running).ConfigureAwait(false);
        }

        async Task RunOneThenReleaseAsync(PlannedRequest request, long arrival)
        {
            try
            {
                await RunOneAsync(client, workload, request, dialect, arrival, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                slots.Release();
            }
        }
    }

    private async Task RunOneAsync(CompletionClient client, Workload workload, PlannedRequest request, ServerDialect dialect,
        long arrival, CancellationToken cancellationToken)
    {
        lock (_gate)
            _inFlightPeak = Math.Max(_inFlightPeak, ++_inFlight);
        RequestOutcome? outcome = null;
        try
        {
            outcome = await client.MeasureAsync(request, workload.PromptOf(request), dialect, arrival, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            int finished;
            lock (_gate)
            {
                _inFlight--;
                if (outcome is not null)
                    _outcomes.Add(outcome);
                finished = _outcomes.Count;
            }
            _progress?.Report(new LoadProgress(finished, _options.Requests));
        }
    }

    private LoadReport Summarize(CompletionClient client, ServerDialect dialect, TimeSpan duration)
    {
        var completed = _outcomes.Where(outcome => outcome.Failure is null).ToList();
        var failed = _outcomes.Where(outcome => outcome.Failure is not null).ToLookup(outcome => outcome.Failure!);
        var kinds = failed.OrderBy(kind => kind.Key, StringComparer.Ordinal).ToList();
        return new LoadReport
        {
            Url = _options.Url.ToString(),
            Model = client.Model,
            PromptForm = dialect.TokenPrompts ? "token_ids" : "text",
            IgnoreEos = dialect.IgnoreEos,
            Seed = _options.Seed,
            RatePerSecond = _options.RatePerSecond,
            Concurrency = _options.Concurrency,
            ConcurrencyPeak = _inFlightPeak,
            Requests = _outcomes.Count,
            Completed = completed.Count,
            Errors = kinds.ToDictionary(kind => kind.Key, kind => kind.Count()),
            ErrorSamples = kinds.ToDictionary(kind => kind.Key, kind => kind.First().FailureMessage ?? ""),
            DurationSeconds = duration.TotalSeconds,
            PromptTokens = completed.Sum(outcome => (long)outcome.PromptTokens),
            OutputTokens = completed.Sum(outcome => (long)outcome.OutputTokens),
            TimeToFirstToken = LatencySummary.Of(completed.Select(outcome => outcome.FirstTokenMs)),
            InterToken = LatencySummary.Of(completed.SelectMany(outcome => outcome.GapsMs)),
            PerOutputToken = LatencySummary.Of(completed.Where(outcome => outcome.OutputTokens > 1)
                .Select(outcome => (outcome.EndToEndMs - outcome.FirstTokenMs) / (outcome.OutputTokens - 1))),
            EndToEnd = LatencySummary.Of(completed.Select(outcome => outcome.EndToEndMs)),
            NormalizedLatency = LatencySummary.Of(completed.Where(outcome => outcome.OutputTokens > 0)
                .Select(outcome => outcome.EndToEndMs / outcome.OutputTokens)),
        };
    }
}
