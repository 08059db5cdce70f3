using System.CommandLine;
using System.Globalization;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.FarMemory.Transports;

namespace Fathom.Cli.Commands.Memory;

/// <summary>`fathom memory sweep`: the tables by which far memory is judged, each in one run on one cluster.</summary>
internal static class SweepCommand
{
    private static readonly Setting<SweepTable> Table = Settings.Choice(
        "--table", "zipf: schemes by skew; compaction: memory by compactions at a time; transactions: key-value store by local share; recovery: a killed node.",
        SweepTable.Zipf, ("zipf", SweepTable.Zipf), ("compaction", SweepTable.Compaction), ("transactions", SweepTable.Transactions), ("recovery", SweepTable.Recovery));

    private static readonly Setting<int> Objects = Settings.Integer("--objects", "Objects of 1 KiB; transactions have a quarter as many values of 4 KiB.", 40_000, 1024, 1 << 28);
    private static readonly Setting<int> Threads = Settings.Integer("--threads", "Threads that access objects.", 4, 1, 256);
    private static readonly Setting<double> WarmUp = Settings.Number("--warm-up", "S", "Time before each measurement.", 1, 0, 3600);
    private static readonly Setting<double> Seconds = Settings.Number("--seconds", "S", "Measured time of a cell; recovery takes four times as long.", 2, 0.5, 3600);
    private static readonly Setting<int> Repetitions = Settings.Integer("--repetitions", "Rounds over all cells; the median counts.", 1, 1, 100);
    private static readonly Setting<ulong> Seed = Settings.Seed("Seed of the accesses and of emulated delays.", 1);
    private static readonly Option<bool> Shaped = new("--shaped") { Description = "Emulates a network: 50 µs, 1% stragglers of 5 to 20 times that, 200 MB/s a link." };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object." };

    private sealed record Report(
        string Table, string Transport, bool Emulated, int Nodes, int Threads, double Seconds, int Repetitions, IReadOnlyList<SweepRow> Rows, string Machine, string Commit);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "sweep", "Measures one table: every scheme under the same accesses, in turns.", "fathom memory sweep --table zipf --transport unix --shaped --json",
        [
            Table.Option, MemorySettings.Nodes.Option, MemorySettings.Transport.Option, MemorySettings.Capacity.Option, Objects.Option, Threads.Option, WarmUp.Option,
            Seconds.Option, Repetitions.Option, Seed.Option, Shaped, Json, MemorySettings.LogLevelSetting.Option,
        ],
        terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var parsed = invocation.Options;
        var (table, transport, nodes, threads) = (Table.Read(parsed), MemorySettings.Transport.Read(parsed), MemorySettings.Nodes.Read(parsed), Threads.Read(parsed));
        var cells = SweepCell.Of(table, Objects.Read(parsed), threads, WarmUp.Read(parsed), Seconds.Read(parsed));
        var (repetitions, isShaped) = (Repetitions.Read(parsed), parsed.GetValue(Shaped));
        using var loggers = MemorySettings.CreateLoggers(MemorySettings.LogLevelSetting.Read(parsed));
        await using var cluster = await LocalCluster.StartAsync(
            nodes, transport, MemorySettings.Capacity.Read(parsed) ?? 1L << 30, 16 << 20, loggers.CreateLogger("memory"), cancellation);
        var results = cells.ConvertAll(_ => new List<MemoryResult>());
        for (var repetition = 0; repetition < repetitions; repetition++)
        {
            for (var i = 0; i < cells.Count; i++)
            {
                var seed = Seed.Read(parsed) + (ulong)repetition;
                await using var pool = cluster.OpenPool(cells[i].Options, isShaped ? new NetworkShape { Seed = seed } : null);
                var result = await new MemoryBenchmark(pool, cluster.Nodes, cells[i].Workload, seed).RunAsync(cancellation);
                results[i].Add(result);
                await invocation.Terminal.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                    $"{cells[i]}: {result.OperationsPerS:N0} operations/s, p99 {result.P99Us} µs, {result.FarBytesOverLive} of live"));
                await cluster.MendAsync(cancellation);
            }
        }
        var rows = cells.Select((cell, i) => SweepRow.Of(cell, results[i])).ToList();
        var report = new Report(
            table.ToString().ToLowerInvariant(), transport.ToString().ToLowerInvariant(), isShaped, nodes, threads, Seconds.Read(parsed), repetitions, rows,
            BenchmarkOrigin.Machine, BenchmarkOrigin.Commit);
        if (parsed.GetValue(Json))
            JsonReport.WriteIndented(invocation.Terminal.Output, report);
        else
            await WriteText(invocation.Terminal.Output, rows);
    }

    private static async Task WriteText(TextWriter output, List<SweepRow> rows)
    {
        await output.WriteLineAsync("scheme        zipf  local  compactions  operations/s     p50 µs     p99 µs  far/live");
        foreach (var row in rows)
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"{row.Scheme,-12}  {row.Zipf,4}  {row.LocalMemory,5:P0}  {row.Compactions,11}  {row.OperationsPerS,12:N0}  {row.P50Us,9}  {row.P99Us,9}  {row.FarBytesOverLive,8}"));
    }
}
