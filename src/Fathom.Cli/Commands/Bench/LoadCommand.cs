using System.CommandLine;
using System.Globalization;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.LoadGenerator;
using Spectre.Console;

namespace Fathom.Cli.Commands.Bench;

/// <summary>`fathom bench serve`: load on any OpenAI-compatible server, and what its clients see.</summary>
internal static class LoadCommand
{
    private static readonly LoadOptions Defaults = new() { Url = new Uri("http://127.0.0.1:8080") };

    private static readonly Setting<Uri> Url = new(
        "--url", "URL", "Server under load.", Defaults.Url, "an http or https URL", ParseUrl, Defaults.Url.OriginalString);

    private static readonly Setting<int> Requests = Settings.Integer("--requests", "Requests to send.", Defaults.Requests, 1);
    private static readonly Setting<double?> Rate = Settings.Optional("--rate", "R", "Requests per second, Poisson arrivals (open loop).", "closed loop", 1e-6, double.MaxValue);
    private static readonly Setting<int?> Concurrency = Settings.Optional("--concurrency", "N", "Requests kept in flight (closed loop).", "1 without --rate", 1, 65_536);
    private static readonly Setting<(int Min, int Max)> InputTokens = Settings.Range("--input-tokens", "Prompt tokens of a request, uniform.", Defaults.InputTokens.Min, Defaults.InputTokens.Max);
    private static readonly Setting<(int Min, int Max)> OutputTokens = Settings.Range("--output-tokens", "Tokens a request generates, uniform.", Defaults.OutputTokens.Min, Defaults.OutputTokens.Max);
    private static readonly Setting<int> SharedPrefix = Settings.Integer("--shared-prefix-tokens", "Tokens that every prompt begins with.", 0, 0);
    private static readonly Setting<ulong> Seed = Settings.Seed("Seed of arrivals, lengths and prompts.", Defaults.Seed);
    private static readonly Setting<string?> ModelName = Settings.Text("--model-name", "NAME", "Model to ask for; the server's first when not given.");
    private static readonly Setting<string?> ApiKey = Settings.Text("--api-key", "KEY", "Key to send.");
    private static readonly Setting<double> TimeoutSeconds = Settings.Number("--timeout-seconds", "S", "Time a request may take.", Defaults.RequestTimeout.TotalSeconds, 0.001, 86_400);
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object." };

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "serve", "Puts load on any OpenAI-compatible server and measures what its clients see.",
        "fathom bench serve --url http://127.0.0.1:8080 --requests 200 --rate 2 --input-tokens 32..512 --output-tokens 1..128 --json",
        [
            Url.Option, Requests.Option, Rate.Option, Concurrency.Option, InputTokens.Option, OutputTokens.Option, SharedPrefix.Option,
            Seed.Option, ModelName.Option, ApiKey.Option, TimeoutSeconds.Option, Json,
        ],
        terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var parsed = invocation.Options;
        var (rate, concurrency) = (Rate.Read(parsed), Concurrency.Read(parsed));
        if (rate is not null && concurrency is not null)
            throw new UsageException("bench serve: give one of --rate and --concurrency.");
        var options = new LoadOptions
        {
            Url = Url.Read(parsed),
            Requests = Requests.Read(parsed),
            RatePerSecond = rate,
            Concurrency = rate is null ? concurrency ?? 1 : null,
            InputTokens = Tokens(InputTokens.Read(parsed)),
            OutputTokens = Tokens(OutputTokens.Read(parsed)),
            SharedPrefixTokens = SharedPrefix.Read(parsed),
            Seed = Seed.Read(parsed),
            Model = ModelName.Read(parsed),
            ApiKey = ApiKey.Read(parsed),
            RequestTimeout = TimeSpan.FromSeconds(TimeoutSeconds.Read(parsed)),
        };
        var report = await ProgressBar.RunAsync($"Load on {options.Url.Host}", invocation.Terminal, progress =>
            LoadRun.RunAsync(options, progress: progress is null ? null : new Progress<LoadProgress>(done => progress((double)done.Finished / done.Requests)), cancellationToken: cancellation));
        report = report with { Machine = BenchmarkOrigin.Machine, Commit = BenchmarkOrigin.Commit };
        if (parsed.GetValue(Json))
            JsonReport.WriteIndented(invocation.Terminal.Output, report);
        else
            WriteTable(invocation.Terminal.Output, report);
        if (report.Completed == 0)
            throw new CommandException($"none of {report.Requests} requests completed: {report.ErrorSamples.Values.FirstOrDefault()}");
    }

    private static TokenRange Tokens((int Min, int Max) range) => new(range.Min, range.Max);

    private static Uri ParseUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" ? url : throw new FormatException();

    private static void WriteTable(TextWriter output, LoadReport report)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{report.Url}: {report.Completed} of {report.Requests} requests in {report.DurationSeconds:0.0} s, {report.RequestsPerSecond:0.00} requests/s, {report.OutputTokensPerSecond:0.0} tokens/s"));
        foreach (var (kind, count) in report.Errors)
            output.WriteLine($"  {kind}: {count} ({report.ErrorSamples.GetValueOrDefault(kind)})");
        var table = new Table().Border(TableBorder.Simple).AddColumns("ms", "p50", "p90", "p99", "mean");
        AddRow(table, "time to first token", report.TimeToFirstToken);
        AddRow(table, "inter-token", report.InterToken);
        AddRow(table, "per output token", report.PerOutputToken);
        AddRow(table, "end to end", report.EndToEnd);
        AddRow(table, "normalised (end to end / tokens)", report.NormalizedLatency);
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) }).Write(table);
    }

    private static void AddRow(Table table, string name, LatencySummary? latency)
    {
        if (latency is not null)
            table.AddRow(name, Figure(latency.P50), Figure(latency.P90), Figure(latency.P99), Figure(latency.Mean));
    }

    private static string Figure(double milliseconds) => milliseconds.ToString("0.0", CultureInfo.InvariantCulture);
}
