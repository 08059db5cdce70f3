using System.CommandLine;
using System.Globalization;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.FarMemory.Hosting;
using Fathom.FarMemory.Transports;

namespace Fathom.Cli.Commands.Memory;

/// <summary>`fathom memory bench`: what far memory costs, by scheme, skew and local share.</summary>
internal static class MemoryBenchCommand
{
    private static readonly Setting<int> Objects = Settings.Integer("--objects", "Objects in the array.", 100_000, 64, 1 << 28);
    private static readonly Setting<int> ObjectBytes = Settings.Integer("--object-bytes", "Size of an object.", 1024, 16, 1 << 20);
    private static readonly Setting<double> LocalMemory = new(
        "--local-memory", "PERCENT", "Share of the objects that local memory holds.", 0.5, "a percentage from 1% to 100%", ParsePercent, "50%");

    private static readonly Setting<double> Zipf = Settings.Number("--zipf", "Z", "Skew of the accesses; 0 is uniform.", 0.99, 0, 4);
    private static readonly Setting<int> Threads = Settings.Integer("--threads", "Threads that access objects.", 4, 1, 256);
    private static readonly Setting<double> WarmUp = Settings.Number("--warm-up", "S", "Time before it, in which hot and cold objects part.", 2, 0, 3600);
    private static readonly Setting<double> Seconds = Settings.Number("--seconds", "S", "Measured time.", 10, 0.5, 3600);
    private static readonly Setting<bool> Transactions = Settings.Choice(
        "--workload", "Single accesses to an array, or transactions of three reads and three writes on a B-tree with values of that size.", false, ("array", false), ("transactions", true));
    private static readonly Setting<double> Writes = Settings.Number("--write-share", "SHARE", "Share of the accesses that change the object.", 0.1, 0, 1);
    private static readonly Setting<int> CompactionThreads = Settings.Integer("--compactions", "Compactions at a time; 0 turns compaction off.", 2, 0, 64);
    private static readonly Setting<double> KillAt = Settings.Number("--kill-at", "S", "Kills a node after so many seconds and shows the recovery; 0 for never.", 0, 0, 3600);
    private static readonly Setting<string?> Directory = Settings.Text("--directory", "ADDR", "Region directory of nodes that run already; without it the command starts its own.");
    private static readonly Setting<ulong> Seed = Settings.Seed("Seed of the accesses and of emulated delays.", 1);
    private static readonly Option<bool> Shaped = new("--shaped") { Description = "Emulates a network: 50 µs, 1% stragglers of 5 to 20 times that, 200 MB/s a link." };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object." };

    private sealed record Report(
        string Scheme, string Workload, string Transport, bool Emulated, int Nodes, long Objects, int ObjectBytes, double LocalMemory, double Zipf, int Threads, double Seconds,
        double WriteShare, int Compactions, double OperationsPerS, double P50Us, double P99Us, double FarBytesOverLive, SwapInResult SwapIn, MemoryResult Details, string Machine, string Commit);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "bench", "Measures random accesses to objects of which only a part is local.",
        "fathom memory bench --scheme ec-remote --objects 100000 --object-bytes 1024 --local-memory 50% --zipf 0.99 --threads 4 --seconds 10 --json",
        [
            MemorySettings.Scheme.Option, MemorySettings.Nodes.Option, MemorySettings.Transport.Option, MemorySettings.Capacity.Option, MemorySettings.RegionSize.Option,
            Transactions.Option, Objects.Option, ObjectBytes.Option, LocalMemory.Option, Zipf.Option, Threads.Option, WarmUp.Option, Seconds.Option, Writes.Option, CompactionThreads.Option,
            KillAt.Option, Directory.Option, Seed.Option, Shaped, Json, MemorySettings.LogLevelSetting.Option,
        ],
        terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var parsed = invocation.Options;
        var workload = new MemoryWorkload(
            Transactions.Read(parsed), Objects.Read(parsed), ObjectBytes.Read(parsed), LocalMemory.Read(parsed), Zipf.Read(parsed), Threads.Read(parsed), WarmUp.Read(parsed),
            Seconds.Read(parsed), Writes.Read(parsed), KillAt.Read(parsed));
        if (workload.IsTransactions && workload.ObjectBytes % sizeof(long) != 0)
            throw new UsageException($"{ObjectBytes.Name}: '{workload.ObjectBytes}' must be a multiple of {sizeof(long)} for transactions.");
        var (scheme, compaction) = MemorySettings.Scheme.Read(parsed);
        var compactions = CompactionThreads.Read(parsed);
        var isShaped = parsed.GetValue(Shaped);
        var transport = MemorySettings.Transport.Read(parsed);
        var nodes = MemorySettings.Nodes.Read(parsed);
        var options = MemorySettings.OptionsOf(scheme, compaction, compactions);
        using var loggers = MemorySettings.CreateLoggers(MemorySettings.LogLevelSetting.Read(parsed));
        var logger = loggers.CreateLogger("memory");
        var shape = isShaped ? new NetworkShape { Seed = Seed.Read(parsed) } : null;
        var seed = Seed.Read(parsed);
        SwapInResult swapIn;
        MemoryResult result;
        if (Directory.Read(parsed) is { } address)
        {
            if (isShaped || workload.KillAtSeconds > 0)
                throw new UsageException($"{Directory.Name}: --shaped and {KillAt.Name} need nodes that the command starts itself.");
            await using var pool = HostedFarPool.Open(options, MemorySettings.ParseEndpoint(Directory.Name, address), logger);
            swapIn = await SwapInResult.MeasureAsync(pool, seed, cancellation);
            result = await new MemoryBenchmark(pool, null, workload, seed).RunAsync(cancellation);
        }
        else
        {
            await using var cluster = await LocalCluster.StartAsync(
                nodes, transport, MemorySettings.Capacity.Read(parsed) ?? 1L << 30, MemorySettings.RegionSize.Read(parsed) ?? 64L << 20, logger, cancellation);
            await using var pool = cluster.OpenPool(options, shape);
            swapIn = await SwapInResult.MeasureAsync(pool, seed, cancellation);
            result = await new MemoryBenchmark(pool, cluster.Nodes, workload, seed).RunAsync(cancellation);
        }
        var report = new Report(
            MemorySettings.NameOf((scheme, options.Compaction)), workload.IsTransactions ? "transactions" : "array", transport.ToString().ToLowerInvariant(), isShaped, nodes, workload.Objects, workload.ObjectBytes, workload.LocalShare,
            workload.Zipf, workload.Threads, workload.Seconds, workload.WriteShare, compactions,
            result.OperationsPerS, result.P50Us, result.P99Us, result.FarBytesOverLive, swapIn, result, BenchmarkOrigin.Machine, BenchmarkOrigin.Commit);
        if (parsed.GetValue(Json))
            JsonReport.WriteIndented(invocation.Terminal.Output, report);
        else
            await WriteText(invocation.Terminal.Output, report);
    }

    private static async Task WriteText(TextWriter output, Report report)
    {
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
            $"{report.Scheme} over {report.Transport}{(report.Emulated ? " (emulated network)" : "")}: {report.OperationsPerS:N0} operations/s, p50 {report.P50Us} µs, p99 {report.P99Us} µs"));
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
            $"  swap-in of 8 KiB: p50 {report.SwapIn.P50Us} µs, p99 {report.SwapIn.P99Us} µs; far bytes {report.FarBytesOverLive} of live; {report.Details.Compactions} compactions, {report.Details.DegradedReads} degraded reads"));
    }

    private static double ParsePercent(string text)
    {
        var percent = double.Parse(text.TrimEnd('%'), CultureInfo.InvariantCulture);
        return percent is >= 1 and <= 100 ? percent / 100 : throw new OverflowException();
    }
}
