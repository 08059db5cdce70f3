using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Commands.Memory;
using Fathom.Cli.Commands.Tiers;
using Fathom.Cli.Reports;
using Fathom.Kernels.Attention;
using Fathom.Models.Execution;
using Fathom.Serving;

namespace Fathom.Cli.Commands.Bench.Tiers;

/// <summary>`fathom bench tiers`: conversations whose KV is many times local memory, with and without tiers below it.</summary>
internal static class TiersCommand
{
    private const string Recompute = "recompute";
    private const string Far = "far";
    private const string Storage = "storage";
    private const string FarAndStorage = "far_and_storage";

    private const long StoreBytesMin = 1L << 30;

    private static readonly Setting<int> Users = Settings.Integer("--users", "Conversations side by side.", 16, 1, 4096);
    private static readonly Setting<int> Turns = Settings.Integer("--turns", "Turns of each.", 24, 2, 256);
    private static readonly Setting<int> Active = Settings.Integer("--active", "Most users that wait for an answer at a time.", 2, 1, 4096);
    private static readonly Setting<int> OpeningTokens = Settings.Integer("--opening-tokens", "Tokens before a user's first turn.", 0, 0);
    private static readonly Setting<int> UserTokens = Settings.Integer("--user-tokens", "Tokens that a user says in a turn.", 32, 1);
    private static readonly Setting<int> OutputTokens = Settings.Integer("--output-tokens", "Tokens that the model answers.", 32, 1);
    private static readonly Setting<double> ThinkSeconds = Settings.Number("--think-seconds", "S", "Mean time that a user thinks before a turn.", 1, 0, 3600);
    private static readonly Setting<int> LocalFraction = Settings.Integer("--local-fraction", "Local memory is one part in so many of all conversations' KV.", 8, 1, 1024);
    private static readonly Setting<int> OverheadRounds = Settings.Integer("--overhead-rounds", "Rounds of prompts that no tier has; 0 leaves that out.", 5, 0, 1000);
    private static readonly Setting<int> OverheadPrompt = Settings.Integer("--overhead-prompt", "Tokens of such a prompt.", 512, 17);
    private static readonly Setting<string?> Sets = Settings.Text(
        "--tiers", "SET,…", $"Which sets of tiers to measure beside recomputing: {Far}, {Storage}, {FarAndStorage}.", $"{Far},{Storage},{FarAndStorage}");
    private static readonly Setting<string?> Folder = Settings.Text("--folder", "PATH", "Where the KV store is made, on the drive to measure; a temporary one when not given.");
    private static readonly Setting<int> Seed = Settings.Integer("--seed", "Seed of what users say and of how long they think.", 1, 0);
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object." };

    private sealed record Report(
        string Model, string KvType, int Threads, int MaxBatch, ConversationWorkload Workload, int LocalBlocks, long LocalBytes, long TotalKvBytes,
        double KvOverLocalMemory, double? TtftRatioFarAndStorage, double? TtftRatioStorage, double? TtftRatioFar, bool OutputsIdentical,
        OverheadMeasurement? WithoutHits, IReadOnlyList<TierMeasurement> Measurements, string Machine, string Commit);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "tiers", "Measures conversations whose KV is many times local memory, with each tier on and off.",
        "fathom bench tiers --model 125m.gguf --users 16 --turns 24 --json",
        [
            ModelSource.Option.Option, EngineSettings.Threads.Option, EngineSettings.MaxBatch.Option, EngineSettings.TokenBudget.Option, EngineSettings.KvFormat.Option,
            Users.Option, Turns.Option, Active.Option, OpeningTokens.Option, UserTokens.Option, OutputTokens.Option, ThinkSeconds.Option, LocalFraction.Option,
            OverheadRounds.Option, OverheadPrompt.Option, Sets.Option, Folder.Option, Seed.Option, Json, MemorySettings.LogLevelSetting.Option,
        ],
        terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var parsed = invocation.Options;
        string[] sets = [Recompute, .. Sets.Read(parsed)!.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
        if (sets.Skip(1).FirstOrDefault(set => set is not (Far or Storage or FarAndStorage)) is { } unknown)
            throw new UsageException($"{Sets.Name}: '{unknown}' must be {Far}, {Storage} or {FarAndStorage}.");
        var maxBatch = EngineSettings.MaxBatch.Read(parsed);
        var type = EngineSettings.KvFormat.Read(parsed);
        var modelOption = ModelSource.Option.Read(parsed);
        var path = ModelSource.Resolve(modelOption);
        using var model = ProgressBar.Load(path, EngineSettings.Threads.Read(parsed), 0, invocation.Terminal);
        var workload = new ConversationWorkload(
            Users.Read(parsed), Turns.Read(parsed), Active.Read(parsed), OpeningTokens.Read(parsed), UserTokens.Read(parsed), OutputTokens.Read(parsed), ThinkSeconds.Read(parsed),
            model.Tokenizer.VocabularySize, Seed.Read(parsed));
        var blocks = LocalBlocks(workload, LocalFraction.Read(parsed), model, OverheadPrompt.Read(parsed));
        var options = new ServingOptions { MaxBatch = maxBatch, TokenBudget = Math.Max(maxBatch, EngineSettings.TokenBudget.Read(parsed)) };
        using var loggers = MemorySettings.CreateLoggers(MemorySettings.LogLevelSetting.Read(parsed));
        using var folder = new StoreFolder(Folder.Read(parsed));
        var totalBytes = workload.TotalTokens / KvStorage.BlockTokens * model.KvBlockBytes(type);

        var measurements = new List<TierMeasurement>();
        TimedAnswer[][]? expected = null;
        var identical = true;
        foreach (var set in sets)
        {
            await using var run = await StartAsync(set);
            await run.AskAsync(workload.Unheard(-1, OverheadPrompt.Read(parsed)), 16, cancellation); // code and memory warm up
            var start = Stopwatch.GetTimestamp();
            var answers = await run.ConverseAsync(workload, cancellation);
            measurements.Add(TierMeasurement.Of(set, answers, Stopwatch.GetElapsedTime(start).TotalSeconds, run.Tiers?.Tiering));
            expected ??= answers;
            identical &= Same(expected, answers);
            await Tell(invocation.Terminal, measurements[^1]);
        }

        OverheadMeasurement? overhead = null;
        if (OverheadRounds.Read(parsed) is > 0 and var rounds)
        {
            await using var plain = await StartAsync(Recompute);
            await using var tiered = await StartAsync(sets.Length > 1 ? sets[^1] : FarAndStorage);
            overhead = await new OverheadBenchmark(plain, tiered, workload).RunAsync(rounds, OverheadPrompt.Read(parsed), cancellation);
        }

        var recompute = measurements[0].MeanTtftMs;
        var report = new Report(
            ModelSource.NameOf(modelOption), type.ToString().ToLowerInvariant(), model.Threads, maxBatch, workload, blocks, blocks * model.KvBlockBytes(type), totalBytes,
            Math.Round((double)totalBytes / (blocks * model.KvBlockBytes(type)), 2), Ratio(FarAndStorage), Ratio(Storage), Ratio(Far), identical, overhead,
            measurements, BenchmarkOrigin.Machine, BenchmarkOrigin.Commit);
        if (parsed.GetValue(Json))
            JsonReport.WriteIndented(invocation.Terminal.Output, report);
        else
            await WriteText(invocation.Terminal.Output, report);

        Task<TieredRun> StartAsync(string set) =>
            TieredRun.StartAsync(PlanOf(set, totalBytes, folder), model, path, blocks, type, options, loggers, cancellation);

        double? Ratio(string set) => measurements.Find(one => one.Tiers == set) is { } found ? Math.Round(found.MeanTtftMs / recompute, 4) : null;
    }

    /// <summary>Each tier has room for all conversations, and half as much again.</summary>
    private static TierPlan PlanOf(string set, long totalBytes, StoreFolder folder)
    {
        var bytes = Math.Max(64L << 20, totalBytes / 2 * 3);
        return new TierPlan
        {
            EmbeddedFarBytes = set is Far or FarAndStorage ? bytes : null,
            KvStorePath = set is Storage or FarAndStorage ? folder.NewFile() : null,
            KvStoreBytes = Math.Max(StoreBytesMin, bytes),
        };
    }

    private static int LocalBlocks(ConversationWorkload workload, int fraction, TransformerModel model, int overheadPrompt)
    {
        if (workload.ConversationTokens > model.Config.ContextLength)
            throw new CommandException($"A conversation grows to {workload.ConversationTokens} tokens, beyond the model's context of {model.Config.ContextLength}.");
        var blocks = workload.TotalTokens / fraction / KvStorage.BlockTokens;
        var least = (Math.Max(workload.ConversationTokens, overheadPrompt) / KvStorage.BlockTokens) + 2;
        return blocks >= least
            ? checked((int)blocks)
            : throw new CommandException($"{LocalFraction.Name}: one part in {fraction} is {blocks} blocks and holds no conversation, which takes {least}; more users, or a smaller number.");
    }

    private static bool Same(TimedAnswer[][] left, TimedAnswer[][] right) =>
        left.Zip(right).All(user => user.First.Zip(user.Second).All(turn => turn.First.Tokens.AsSpan().SequenceEqual(turn.Second.Tokens)));

    /// <summary>A line a measured set: the whole takes minutes.</summary>
    private static async Task Tell(Terminal terminal, TierMeasurement one)
    {
        await terminal.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{one.Tiers}: mean {one.MeanTtftMs:0.0} ms to the first token ({one.Seconds:0} s)"));
    }

    private static async Task WriteText(TextWriter output, Report report)
    {
        foreach (var one in report.Measurements)
        {
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"{one.Tiers,-16} first token after {one.MeanTtftMs:0.0} ms (median {one.MedianTtftMs:0.0}, p90 {one.P90TtftMs:0.0}), {100 * one.CachedTokensShare:0}% of prompt tokens cached"));
        }
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
            $"KV is {report.KvOverLocalMemory:0.0} times local memory; outputs {(report.OutputsIdentical ? "identical" : "DIFFER")}"));
        if (report.WithoutHits is { } overhead)
        {
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"without any hit: first token {100 * overhead.TtftOverhead:0.0}% later, {100 * overhead.TimeOverhead:0.0}% more time"));
        }
    }
}
