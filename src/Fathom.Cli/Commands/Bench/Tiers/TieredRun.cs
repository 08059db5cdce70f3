using System.Diagnostics;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Commands.Tiers;
using Fathom.Kernels.Attention;
using Fathom.Models.Execution;
using Fathom.Server.Metrics;
using Fathom.Serving;
using Fathom.Serving.Engine;
using Fathom.Serving.Metrics;
using Fathom.Serving.Requests;
using Fathom.Serving.Sampling;
using Microsoft.Extensions.Logging;

namespace Fathom.Cli.Commands.Bench.Tiers;

/// <summary>One answer: when its first token came, and what it was.</summary>
internal sealed record TimedAnswer(double FirstTokenSeconds, double Seconds, int PromptTokens, int CachedTokens, int[] Tokens);

/// <summary>An engine with a set of tiers, or none, and what a client does with it.</summary>
/// <remarks>Owns engine, blocks and tiers; the model is the caller's. Disposed before another engine uses the model.</remarks>
internal sealed class TieredRun : IAsyncDisposable
{
    private readonly KvStorage _storage;
    private readonly MeterScope _meters = new();

    private TieredRun(KvStorage storage, KvTierSet? tiers, TransformerModel model, string modelPath, ServingOptions options, ILoggerFactory loggers)
    {
        _storage = storage;
        Tiers = tiers;
        Engine = new ServingEngine(
            new LocalModelExecutor(model, storage), model.Tokenizer, options, new ServingMetrics(_meters, "bench"), loggers.CreateLogger<ServingEngine>(),
            tiers: tiers?.Open(modelPath, storage, _meters, "bench"));
    }

    public ServingEngine Engine { get; }

    public KvTierSet? Tiers { get; }

    public static async Task<TieredRun> StartAsync(
        TierPlan plan, TransformerModel model, string modelPath, int blocks, KvType type, ServingOptions options, ILoggerFactory loggers, CancellationToken cancellation)
    {
        var tiers = await KvTierSet.StartAsync(plan, loggers, cancellation);
        return new TieredRun(model.CreateKvStorage(blocks, type), tiers, model, modelPath, options, loggers);
    }

    /// <summary>Runs all conversations; each user waits for an answer before thinking about the next turn.</summary>
    public async Task<TimedAnswer[][]> ConverseAsync(ConversationWorkload workload, CancellationToken cancellation)
    {
        using var active = new SemaphoreSlim(workload.Active, workload.Active);
        var users = Enumerable.Range(0, workload.Users).Select(user => TalkAsync(workload, user, active, cancellation));
        return await Task.WhenAll(users);
    }

    /// <summary>Asks once.</summary>
    /// <exception cref="CommandException">The engine refused, or the answer ended with an error.</exception>
    public async Task<TimedAnswer> AskAsync(ReadOnlyMemory<int> prompt, int outputTokens, CancellationToken cancellation)
    {
        var start = Stopwatch.GetTimestamp();
        var submission = Engine.Submit(
            new GenerationRequest { Prompt = prompt, MaxNewTokens = outputTokens, IgnoreEndOfGeneration = true, Sampling = SamplingParameters.Greedy }, cancellation);
        if (!submission.IsAccepted)
            throw new CommandException($"the engine refused a request: {submission.Refusal!.Message}");
        double? first = null;
        TokenUsage usage = default;
        var tokens = new List<int>(outputTokens);
        await foreach (var update in submission.Generation.ReadAllAsync(cancellation))
        {
            first ??= Stopwatch.GetElapsedTime(start).TotalSeconds;
            tokens.AddRange(update.Tokens.Select(token => token.Token));
            usage = update.Usage ?? usage;
            if (update.Error is { } error)
                throw new CommandException($"a request failed: {error}");
        }
        return new TimedAnswer(first ?? 0, Stopwatch.GetElapsedTime(start).TotalSeconds, usage.PromptTokens, usage.CachedTokens, [.. tokens]);
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        if (Tiers is not null)
            await Tiers.DisposeAsync();
        _storage.Dispose();
        _meters.Dispose();
    }

    private async Task<TimedAnswer[]> TalkAsync(ConversationWorkload workload, int user, SemaphoreSlim active, CancellationToken cancellation)
    {
        var said = new List<int>(workload.ConversationTokens);
        var answers = new TimedAnswer[workload.Turns];
        for (var turn = 0; turn < workload.Turns; turn++)
        {
            await Task.Delay(workload.Think(user, turn), cancellation);
            said.AddRange(workload.Say(user, turn));
            await active.WaitAsync(cancellation);
            try
            {
                answers[turn] = await AskAsync(said.ToArray(), workload.OutputTokens, cancellation);
            }
            finally
            {
                active.Release();
            }
            said.AddRange(answers[turn].Tokens);
        }
        return answers;
    }
}
