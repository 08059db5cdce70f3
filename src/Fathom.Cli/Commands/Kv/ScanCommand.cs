using System.CommandLine;
using System.Diagnostics;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.Storage.KeyValue;

namespace Fathom.Cli.Commands.Kv;

/// <summary>`fathom kv scan`: pairs in order, or an aggregate over them.</summary>
internal static class ScanCommand
{
    private static readonly Setting<string?> From = Settings.Text("--from", "KEY", "First key.");
    private static readonly Setting<string?> To = Settings.Text("--to", "KEY", "Last key, inclusive.");
    private static readonly Setting<int> Limit = Settings.Integer("--limit", "Most pairs printed.", 100, 1);
    private static readonly Option<bool> Aggregate = new("--aggregate") { Description = "COUNT, SUM, MIN and MAX of the values' first 8 bytes, instead of the pairs." };

    private sealed record Pair(string Key, string Value);

    private sealed record Report(IReadOnlyList<Pair> Pairs);

    private sealed record AggregateReport(long Count, string Sum, long? Min, long? Max, double ElapsedMs);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "scan", "Prints the pairs of a range in order, or adds them up.", "fathom kv scan store.kv --from user1 --to user2 --limit 10",
        [StoreArguments.StorePath, From.Option, To.Option, Limit.Option, Aggregate, StoreArguments.Engine.Option, StoreArguments.Functions.Option, StoreArguments.Json], terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        using var store = StoreArguments.Open(options);
        var low = From.Read(options) is { } from ? StoreArguments.ParseKey(from, store.Kind, "--from") : [];
        var high = To.Read(options) is { } to ? StoreArguments.ParseKey(to, store.Kind, "--to") : null;
        var isJson = options.GetValue(StoreArguments.Json);
        if (options.GetValue(Aggregate))
        {
            await WriteAggregateAsync(invocation.Terminal.Output, store, low, high, isJson);
            return;
        }
        var pairs = store.Range(low, high, Limit.Read(options)).Select(pair => new Pair(StoreArguments.ShowKey(pair.Key, store.Kind), StoreArguments.ShowBytes(pair.Value)));
        if (isJson)
        {
            JsonReport.WriteLine(invocation.Terminal.Output, new Report([.. pairs]));
            return;
        }
        foreach (var pair in pairs)
        {
            cancellation.ThrowIfCancellationRequested();
            await invocation.Terminal.Output.WriteLineAsync($"{pair.Key}\t{pair.Value}");
        }
    }

    private static async Task WriteAggregateAsync(TextWriter output, KeyValueStore store, byte[] low, byte[]? high, bool isJson)
    {
        var started = Stopwatch.GetTimestamp();
        var result = store.Aggregate(low, high);
        var report = new AggregateReport(
            result.Count, result.Sum.ToString(System.Globalization.CultureInfo.InvariantCulture), result.Count == 0 ? null : result.Min, result.Count == 0 ? null : result.Max,
            Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        if (isJson)
            JsonReport.WriteLine(output, report);
        else
            await output.WriteLineAsync($"count {report.Count}, sum {report.Sum}, min {report.Min?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "-"}, max {report.Max?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "-"}");
    }
}
