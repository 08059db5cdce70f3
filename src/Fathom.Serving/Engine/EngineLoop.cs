using System.Globalization;
using Fathom.Memory;
using Fathom.Models.Tokenization;
using Fathom.Serving.Metrics;
using Fathom.Serving.Requests;
using Fathom.Serving.Scheduling;
using Microsoft.Extensions.Logging;

namespace Fathom.Serving.Engine;

/// <summary>The engine's loop: takes what was posted, runs an iteration, delivers its tokens, again.</summary>
/// <remarks>
/// One thread calls <see cref="Run"/>, once; it owns the scheduler and every request. Other threads reach it through the inbox and
/// read <see cref="Counters"/>, which <c>_published</c> guards.
/// </remarks>
internal sealed class EngineLoop
{
    private readonly EngineInbox _inbox;
    private readonly Scheduler _scheduler;
    private readonly IterationRunner _runner;
    private readonly KvLoads? _loads;
    private readonly TokenWriter _writer;
    private readonly ServingMetrics _metrics;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly IterationPlan _plan = new();
    private readonly Dictionary<RequestId, ActiveRequest> _requests = [];
    private readonly List<ActiveRequest> _arrivals = [];
    private readonly List<RequestId> _cancellations = [];
    private readonly List<Sequence> _loaded = [];
    private readonly Lock _published = new();
    private EngineCounters _counters;
    private EngineCounters _publishedCounters;
    private bool _drains;

    public EngineLoop(
        EngineInbox inbox, Scheduler scheduler, IModelExecutor executor, KvLoads? loads, Tokenizer tokenizer, ServingMetrics metrics, ILogger logger, TimeProvider time, int maxSequences)
    {
        _loads = loads;
        _inbox = inbox;
        _scheduler = scheduler;
        _runner = new IterationRunner(executor, maxSequences);
        _writer = new TokenWriter(tokenizer, Math.Min(executor.VocabularySize, tokenizer.VocabularySize), metrics, logger, time);
        _metrics = metrics;
        _logger = logger;
        _time = time;
        Publish();
    }

    /// <summary>The counters after the last turn. Any thread.</summary>
    public EngineCounters Counters
    {
        get
        {
            lock (_published)
                return _publishedCounters;
        }
    }

    /// <summary>Runs until it is told to end and has nothing left, or fails. Does not throw.</summary>
    public void Run()
    {
        try
        {
            while (Turn())
            {
            }

            _counters.State = EngineState.Stopped;
            _inbox.Close("the engine has stopped", _arrivals);
            _logger.EngineStopped(_counters.Iterations, _counters.GeneratedTokens);
        }
        catch (Exception exception)
        {
            // The loop's boundary: an executor that throws, or a bug. Nothing is known of the KV memory any more, so everyone fails.
            Fail(exception);
        }

        Publish();
    }

    private bool Turn()
    {
        EngineOrder order = _inbox.Take(_arrivals, _cancellations, _loaded);
        foreach (ActiveRequest request in _arrivals)
            Add(request);
        _arrivals.Clear();
        foreach (RequestId id in _cancellations)
            Cancel(id);
        _cancellations.Clear();
        foreach (Sequence sequence in _loaded)
            Scheduler.LoadEnded(sequence);
        _loaded.Clear();
        if (order != EngineOrder.Run && !_drains)
        {
            _drains = true;
            _counters.State = EngineState.Draining;
            _logger.EngineDrains(_requests.Count);
        }

        if (order == EngineOrder.Stop)
        {
            foreach (RequestId id in _requests.Keys.ToArray())
                Cancel(id);
        }

        bool runs = _scheduler.TrySchedule(_plan);
        // Before anything can take its place: what preempted sequences had.
        _loads?.Store(_plan.Departing);
        bool changed = BeginLoads();
        if (runs)
            Iterate();
        if (runs || changed)
            return true;

        Invariant.Check(_requests.Count == 0 || _scheduler.HasLoading);
        Publish();
        if (order != EngineOrder.Run && _requests.Count == 0)
            return false;
        _inbox.Wait();
        return true;
    }

    /// <returns>True when a sequence need not wait, so that the scheduler must be asked again.</returns>
    private bool BeginLoads()
    {
        bool changed = false;
        while (_scheduler.Tables.LoadsWanted.TryDequeue(out Sequence? sequence))
        {
            if (sequence.State != SequenceState.Loading || _loads!.Begin(sequence))
                continue;
            Scheduler.LoadEnded(sequence);
            changed = true;
        }

        return changed;
    }

    private void Iterate()
    {
        StartNewcomers();
        long preemptions = _scheduler.Tables.Preemptions;
        long start = _time.GetTimestamp();
        _runner.Run(_plan);
        long now = _time.GetTimestamp();
        KvLoads.End(_plan.Loads);
        _loads?.Learn(_plan, Seconds(start, now));
        _scheduler.Collect(_plan);
        DescribePrompts();
        int generated = WriteTokens(now);
        _scheduler.Complete(_plan);
        while (_scheduler.TryTakeReturned(out SequenceGroup? group))
            Return(_requests[group.Id]);

        // Last, so that no client waits for it: nothing overwrites these blocks before the next iteration.
        _loads?.Store(_plan.Filled);
        _counters.Iterations++;
        _counters.GeneratedTokens += generated;
        _metrics.RecordIteration(_plan.TokenCount);
        _metrics.RecordTokens(generated);
        if (preemptions > _counters.Preemptions)
            _metrics.RecordPreemptions(preemptions - _counters.Preemptions);
        Publish();
    }

    private void StartNewcomers()
    {
        foreach (ref readonly PlannedSequence entry in _plan.Entries)
        {
            SequenceGroup group = entry.Sequence.Group;
            if (entry.FirstPosition >= group.PromptTokens || _requests[group.Id] is not { StartedAt: null } request)
                continue;
            long now = _time.GetTimestamp();
            request.StartedAt = now;
            _inbox.LeaveQueue(1);
            _counters.PromptTokens += group.PromptTokens;
            _metrics.RecordStart(group.PromptTokens, group.CachedTokens, request.Request.Choices, group.MaxNewTokens, Seconds(request.ArrivedAt, now));
        }

        long queried = _scheduler.Tables.PrefixQueriedTokens, hit = _scheduler.Tables.PrefixHitTokens;
        if (queried > _counters.PrefixQueriedTokens)
            _metrics.RecordPrefix(queried - _counters.PrefixQueriedTokens, hit - _counters.PrefixHitTokens);
        _counters.PrefixQueriedTokens = queried;
        _counters.PrefixHitTokens = hit;
    }

    private void DescribePrompts()
    {
        if (_plan.PromptLogitRows == 0)
            return;
        ReadOnlySpan<PlannedSequence> entries = _plan.Entries;
        for (int i = 0; i < entries.Length; i++)
        {
            if (entries[i].Rows == Models.Execution.LogitRows.All)
                _writer.DescribePrompt(_requests[entries[i].Sequence.Group.Id], entries[i], i, _runner);
        }
    }

    private int WriteTokens(long now)
    {
        int generated = 0;
        ReadOnlySpan<PlannedSequence> entries = _plan.Entries;
        foreach (ref TokenDraw draw in _plan.Draws)
        {
            ActiveRequest request = _requests[draw.Sequence.Group.Id];
            Span<float> row = _runner.LastRow(draw.Entry, entries[draw.Entry]);
            // Forks draw from one row, each with its own random numbers.
            bool isShared = request.Group.Choices > 1;
            generated += _writer.Write(ref draw, request, row, isShared, now);
        }

        return generated;
    }

    private void Add(ActiveRequest request)
    {
        _requests.Add(request.Id, request);
        Invariant.Check(_scheduler.TryAdd(request.Group));
        _logger.RequestAccepted(request.Id.Value, request.Group.PromptTokens, request.Group.Choices, request.Group.MaxNewTokens);
        // A cancellation may have been posted before the request itself.
        if (request.Generation.IsCancelRequested)
            Cancel(request.Id);
    }

    private void Cancel(RequestId id)
    {
        if (!_requests.TryGetValue(id, out ActiveRequest? request))
            return;
        _scheduler.Cancel(id);
        request.EndAllChoices(FinishReason.Cancelled);
        Return(request);
        // Under request-level scheduling the rest of its batch may have waited for it.
        while (_scheduler.TryTakeReturned(out SequenceGroup? group))
            Return(_requests[group.Id]);
    }

    /// <summary>Everything of the request has ended: its client gets what was held back.</summary>
    private void Return(ActiveRequest request)
    {
        _requests.Remove(request.Id);
        request.CancellationWatch.Unregister();
        if (request.IsBestOf)
            request.Mailbox.KeepOnly(request.BestChoices());
        request.Mailbox.Release();
        if (request.StartedAt is null)
            _inbox.LeaveQueue(1);

        long now = _time.GetTimestamp();
        double seconds = Seconds(request.ArrivedAt, now);
        _metrics.RecordEnd(
            request.EndReason, request.Usage, seconds, Since(request.StartedAt, now), Since(request.FirstTokenAt, now),
            (request.CompletionTokens / request.Group.Choices) - 1);
        if (_logger.IsEnabled(LogLevel.Debug))
            _logger.RequestEnded(request.Id.Value, request.CompletionTokens, seconds, request.EndReason.ToString());
    }

    private void Fail(Exception exception)
    {
        string failure = string.Create(CultureInfo.InvariantCulture, $"the engine failed: {exception.Message.ReplaceLineEndings(" ")}");
        _counters.State = EngineState.Failed;
        _counters.Failure = failure;
        _inbox.Close(failure, _arrivals);
        _logger.EngineFailed(exception, _requests.Count + _arrivals.Count);
        foreach (ActiveRequest request in _arrivals)
            _requests.TryAdd(request.Id, request);
        foreach (ActiveRequest request in _requests.Values)
        {
            request.CancellationWatch.Unregister();
            request.EndAllChoices(FinishReason.Error, failure);
            request.Mailbox.Release();
            request.DropLoads();
            _metrics.RecordEnd(FinishReason.Error, request.Usage, Seconds(request.ArrivedAt, _time.GetTimestamp()), null, null, 0);
        }

        _requests.Clear();
    }

    private void Publish()
    {
        _counters.RunningSequences = _scheduler.Tables.Holders;
        _counters.FreeBlocks = _scheduler.Blocks.Free;
        _counters.CachedBlocks = _scheduler.Blocks.Cached;
        _counters.UsedBlocks = _scheduler.Blocks.Used;
        _counters.TotalBlocks = _scheduler.Blocks.Total;
        _counters.Preemptions = _scheduler.Tables.Preemptions;
        lock (_published)
            _publishedCounters = _counters;
    }

    private double? Since(long? from, long to) => from is { } start ? Seconds(start, to) : null;

    private double Seconds(long from, long to) => _time.GetElapsedTime(from, to).TotalSeconds;
}
