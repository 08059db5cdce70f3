using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Fathom.Models.Tokenization;
using Fathom.Serving.KvCache;
using Fathom.Serving.Metrics;
using Fathom.Serving.Requests;
using Fathom.Serving.Scheduling;
using Microsoft.Extensions.Logging;

namespace Fathom.Serving.Engine;

/// <summary>Serves requests on one executor: owns the loop thread, the request pool, the scheduler and the KV blocks.</summary>
/// <remarks>Any thread may call it. The executor and the tokenizer stay the caller's and must outlive it.</remarks>
public sealed class ServingEngine : IAsyncDisposable
{
    private readonly Tokenizer _tokenizer;
    private readonly ServingOptions _options;
    private readonly RequestRules _rules;
    private readonly Scheduler _scheduler;
    private readonly EngineInbox _inbox;
    private readonly EngineLoop _loop;
    private readonly KvLoads? _loads;
    private readonly PrefixHash _root;
    private readonly TimeProvider _time;
    private readonly int[] _endTokens;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _lastId;
    private int _disposed;

    /// <summary>Starts the loop thread.</summary>
    /// <param name="executor">Computes the iterations.</param>
    /// <param name="tokenizer">Turns generated tokens into text and knows where generation ends.</param>
    /// <param name="options">How to schedule.</param>
    /// <param name="metrics">Instruments to record on; one engine each.</param>
    /// <param name="logger">Where the engine's life is logged; never prompts or outputs.</param>
    /// <param name="time">Clock of the latencies; null for the system's.</param>
    /// <param name="tiers">Memory below the executor's KV blocks; stays the caller's and must outlive the engine. Null for none.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="ArgumentException">Tiers without the paged policy and prefix caching.</exception>
    public ServingEngine(
        IModelExecutor executor, Tokenizer tokenizer, ServingOptions options, ServingMetrics metrics, ILogger<ServingEngine> logger, TimeProvider? time = null,
        IKvTiers? tiers = null)
    {
        ArgumentNullException.ThrowIfNull(executor);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(metrics);
        ArgumentNullException.ThrowIfNull(logger);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxBatch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.TokenBudget, options.MaxBatch);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.QueueLimit, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxContextTokens ?? 1, 1);
        if (tiers is not null && (options.Policy != SchedulingPolicy.Paged || !options.PrefixCaching))
            throw new ArgumentException("Tiers need the paged policy and prefix caching.", nameof(tiers));
        _tokenizer = tokenizer;
        _options = options;
        _time = time ?? TimeProvider.System;
        ContextLength = Math.Min(executor.ContextLength, options.MaxContextTokens ?? int.MaxValue);
        int vocabulary = Math.Min(executor.VocabularySize, tokenizer.VocabularySize);
        _rules = new RequestRules(vocabulary, ContextLength, (long)executor.Blocks * KvBlockPool.BlockTokens, options.Policy);
        _endTokens = [.. Enumerable.Range(0, vocabulary).Where(tokenizer.IsEndOfGeneration)];
        _scheduler = new Scheduler(new SchedulerOptions
        {
            Blocks = executor.Blocks,
            Policy = options.Policy,
            MaxBatch = options.MaxBatch,
            TokenBudget = options.TokenBudget,
            PrefixCaching = options.PrefixCaching,
            HasTiers = tiers is not null,
            WholePrompts = options.RequestWholePrompts,
        });
        _inbox = new EngineInbox(options.QueueLimit);
        _loads = tiers is null ? null : new KvLoads(tiers, _scheduler.Blocks, executor, _inbox);
        _root = new PrefixHash(tiers?.Root ?? default);
        _loop = new EngineLoop(_inbox, _scheduler, executor, _loads, tokenizer, metrics, logger, _time, options.MaxBatch);
        metrics.Observe(() => Snapshot);
        logger.EngineStarted(options.Policy, options.MaxBatch, options.TokenBudget, ContextLength, executor.Blocks);
        var thread = new Thread(RunLoop) { IsBackground = true, Name = "fathom-serving" };
        thread.Start();
    }

    /// <summary>Most tokens of a prompt and its output together.</summary>
    public int ContextLength { get; }

    /// <summary>Ends when the loop has: in order after a drain or disposal, or with a failure. Never faults; see <see cref="EngineSnapshot.State"/>.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Counters after the last iteration.</summary>
    public EngineSnapshot Snapshot
    {
        get
        {
            EngineCounters counters = _loop.Counters;
            return new EngineSnapshot(
                counters.State, counters.Failure, counters.RunningSequences, _inbox.Waiting, counters.FreeBlocks, counters.CachedBlocks,
                counters.UsedBlocks, counters.TotalBlocks, counters.Iterations, counters.PromptTokens, counters.GeneratedTokens,
                counters.Preemptions, counters.PrefixQueriedTokens, counters.PrefixHitTokens);
        }
    }

    /// <summary>Accepts a request or says why not, at once.</summary>
    /// <param name="request">What to generate.</param>
    /// <param name="cancellationToken">Cancels the generation, at any time.</param>
    public Submission Submit(GenerationRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (_inbox.Refusal is { } closed)
            return Submission.Refused(closed);
        if (_rules.Check(request, out int maxNewTokens) is { } refusal)
            return Submission.Refused(refusal);

        var id = new RequestId(Interlocked.Increment(ref _lastId));
        int choices = request.BestOf ?? request.Choices;
        bool held = choices > request.Choices || _options.Policy == SchedulingPolicy.Request;
        var mailbox = new GenerationMailbox(choices, held);
        var generation = new Generation(id, request, mailbox, _inbox.PostCancellation);
        ulong seed = request.Sampling.Seed ?? RandomSeed();
        var active = new ActiveRequest(generation, mailbox, maxNewTokens, seed, _tokenizer, _endTokens, _root) { ArrivedAt = _time.GetTimestamp() };
        if (_scheduler.ReasonNeverFits(active.Group) is { } reason)
            return Submission.Refused(new Refusal(RefusalReason.MemoryExceeded, "max_tokens", reason));

        _loads?.Begin(active.Group.Sequences[0]);
        active.CancellationWatch = cancellationToken.UnsafeRegister(static state => ((Generation)state!).Cancel(), generation);
        if (_inbox.TryPost(active) is { } full)
        {
            active.CancellationWatch.Unregister();
            active.DropLoads();
            return Submission.Refused(full);
        }

        return Submission.Accepted(generation);
    }

    /// <summary>Takes no more requests and finishes those it has.</summary>
    /// <param name="cancellationToken">Cancels what still runs; the drain then ends within an iteration.</param>
    public async Task DrainAsync(CancellationToken cancellationToken = default)
    {
        _inbox.Post(EngineOrder.Drain);
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static state => ((EngineInbox)state!).Post(EngineOrder.Stop), _inbox);
        await _completion.Task;
    }

    /// <summary>Cancels everything and joins the loop thread.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _inbox.Post(EngineOrder.Stop);
        await _completion.Task;
        _inbox.Dispose();
    }

    private static ulong RandomSeed()
    {
        ulong seed = 0;
        RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(new Span<ulong>(ref seed)));
        return seed;
    }

    private void RunLoop()
    {
        _loop.Run();
        _completion.SetResult();
    }
}
