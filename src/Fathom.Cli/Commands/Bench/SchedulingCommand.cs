using System.CommandLine;
using System.Globalization;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.Serving;
using Fathom.Serving.Benchmarks;
using Fathom.Serving.Engine;
using Spectre.Console;

namespace Fathom.Cli.Commands.Bench;

/// <summary>`fathom bench scheduling`: the Orca paper's workload over the three policies, in one process.</summary>
internal static class SchedulingCommand
{
    private static readonly SchedulingWorkload Defaults = new();

    private static readonly Setting<int> Requests = Settings.Integer("--requests", "Requests of the workload.", Defaults.Requests, 8, 1 << 20);
    private static readonly Setting<int> Seed = Settings.Integer("--seed", "Seed of lengths, tokens and arrivals.", Defaults.Seed, 0);
    private static readonly Setting<(int Min, int Max)> InputTokens = Settings.Range("--input-tokens", "Prompt tokens of a request, uniform.", Defaults.InputTokensMin, Defaults.InputTokensMax);
    private static readonly Setting<(int Min, int Max)> OutputTokens = Settings.Range("--output-tokens", "Tokens a request generates, uniform.", Defaults.OutputTokensMin, Defaults.OutputTokensMax);
    private static readonly Option<bool> WholePrompts = new("--whole-prompts")
    {
        Description = "Also measure a kinder baseline: request-level batches that run every prompt whole.",
    };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object." };

    private sealed record Report(
        string Model, int Threads, int MaxBatch, int Requests, int Seed, SchedulingPoint Unloaded, double TargetNormalizedLatencyS,
        double? PagedRequestsPerS, double? OrcaRequestsPerS, double? RequestRequestsPerS, int? RequestMaxBatch,
        double? RequestWholePromptsRequestsPerS, int? RequestWholePromptsMaxBatch,
        double? SpeedupAtEqualLatency, double? SpeedupOverWholePrompts,
        IReadOnlyList<CurveReport> Curves, string Machine, string Commit);

    private sealed record CurveReport(string Policy, int MaxBatch, bool WholePrompts, IReadOnlyList<SchedulingPoint> Points);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "scheduling", "Compares the scheduling policies on the Orca paper's workload.", "fathom bench scheduling --model 125m.gguf --threads 2 --json",
        [
            ModelSource.Option.Option, EngineSettings.Threads.Option, EngineSettings.MaxBatch.Option, EngineSettings.TokenBudget.Option,
            Requests.Option, InputTokens.Option, OutputTokens.Option, Seed.Option, WholePrompts, Json,
        ],
        terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var parsed = invocation.Options;
        var (input, output) = (InputTokens.Read(parsed), OutputTokens.Read(parsed));
        var workload = new SchedulingWorkload
        {
            Requests = Requests.Read(parsed),
            Seed = Seed.Read(parsed),
            InputTokensMin = input.Min,
            InputTokensMax = input.Max,
            OutputTokensMin = output.Min,
            OutputTokensMax = output.Max,
        };
        var maxBatch = EngineSettings.MaxBatch.Read(parsed);
        var options = new ServingOptions { MaxBatch = maxBatch, TokenBudget = Math.Max(maxBatch, EngineSettings.TokenBudget.Read(parsed)), PrefixCaching = false };
        var modelOption = ModelSource.Option.Read(parsed);
        using var model = ProgressBar.Load(ModelSource.Resolve(modelOption), EngineSettings.Threads.Read(parsed), 0, invocation.Terminal);
        if (input.Max + output.Max > model.Config.ContextLength)
            throw new CommandException($"--input-tokens and --output-tokens up to {input.Max} + {output.Max} exceed the model's context of {model.Config.ContextLength}.");

        using var storage = model.CreateKvStorage(
            KvMemoryBudget.Blocks(model, Kernels.Attention.KvType.F16, null, maxBatch, input.Max + output.Max), Kernels.Attention.KvType.F16);
        var benchmark = new SchedulingBenchmark(new LocalModelExecutor(model, storage), model.Tokenizer, options, workload, Progress(invocation.Terminal));
        var result = await benchmark.RunAsync(parsed.GetValue(WholePrompts), cancellation);
        var report = new Report(
            ModelSource.NameOf(modelOption), model.Threads, maxBatch, workload.Requests, workload.Seed, result.Unloaded, result.TargetSeconds,
            result.PagedRate, result.OrcaRate, result.Request?.RequestsPerSecond, result.Request?.MaxBatch,
            result.RequestWholePrompts?.RequestsPerSecond, result.RequestWholePrompts?.MaxBatch,
            result.SpeedupAtEqualLatency, result.SpeedupOverWholePrompts,
            [.. result.Curves.Select(curve => new CurveReport(Name(curve), curve.MaxBatch, curve.WholePrompts, curve.Points))],
            BenchmarkOrigin.Machine, BenchmarkOrigin.Commit);
        if (parsed.GetValue(Json))
            JsonReport.WriteIndented(invocation.Terminal.Output, report);
        else
            WriteTable(invocation.Terminal.Output, report);
    }

    private static string Name(SchedulingCurve curve) => curve.Policy.ToString().ToLowerInvariant();

    /// <summary>A line a measured point, where a person watches: the whole takes minutes.</summary>
    private static Action<ServingOptions, SchedulingPoint>? Progress(Terminal terminal) => !terminal.ShowsProgress ? null : (options, point) =>
        terminal.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{options.Policy,-8} batch {options.MaxBatch,3}  {point.RequestsPerSecond:0.00} requests/s  median {1000 * point.MedianNormalizedSeconds:0} ms a token  ({point.Seconds:0} s)"));

    private static void WriteTable(TextWriter output, Report report)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("policy", "max batch", "requests/s", "median ms/token", "p90 ms/token", "tokens/s");
        foreach (var curve in report.Curves)
        {
            foreach (var point in curve.Points)
            {
                table.AddRow(
                    curve.WholePrompts ? $"{curve.Policy}, whole prompts" : curve.Policy, curve.MaxBatch.ToString(CultureInfo.InvariantCulture),
                    Figure(point.RequestsPerSecond), Figure(1000 * point.MedianNormalizedSeconds), Figure(1000 * point.P90NormalizedSeconds), Figure(point.GeneratedTokensPerSecond));
            }
        }
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) }).Write(table);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"At a median of {1000 * report.TargetNormalizedLatencyS:0.0} ms a token (twice the unloaded one), requests/s: paged {report.PagedRequestsPerS:0.00}, orca {report.OrcaRequestsPerS:0.00}, request {report.RequestRequestsPerS:0.00} (max batch {report.RequestMaxBatch})."));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"speedup_at_equal_latency {report.SpeedupAtEqualLatency:0.00}"));
        if (report.RequestWholePromptsRequestsPerS is { } whole)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"Over request-level batches that run prompts whole ({whole:0.00} requests/s, max batch {report.RequestWholePromptsMaxBatch}): {report.SpeedupOverWholePrompts:0.00}"));
        }
    }

    private static string Figure(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);
}
