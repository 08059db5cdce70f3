using System.CommandLine;
using System.Globalization;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.FarMemory.Hosting;
using Fathom.FarMemory.Pool;

namespace Fathom.Cli.Commands.Memory;

/// <summary>`fathom memory chaos`: fails real node processes in every way there is and verifies every byte.</summary>
internal static class ChaosCommand
{
    private static readonly Setting<double> Seconds = Settings.Number("--seconds", "S", "How long nodes are disturbed.", 120, 0, 86_400);
    private static readonly Setting<ulong> Seed = Settings.Seed("Seed of what is done and written; timing is the machine's.", 1);
    private static readonly Setting<int> Threads = Settings.Integer("--threads", "Threads that write, read and release spans.", 3, 1, 64);
    private static readonly Setting<int> Spans = Settings.Integer("--spans", "Spans that each thread keeps at most.", 400, 8, 1 << 20);
    private static readonly Option<bool> LoseThree = new("--lose-three") { Description = "Kills three nodes at once in the end: typed loss of exactly the spans concerned." };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object." };

    private sealed record Report(
        double Seconds, ulong Seed, string Transport, string Scheme, int Nodes, long Acknowledged, long Verified, long Lost, long Wrong, long DegradedReads, long Rebuilds,
        long OverDeadline, ChaosResult Details, string Machine, string Commit);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "chaos", "Kills, pauses, cuts, corrupts and drains real memory nodes under load and verifies every byte.",
        "fathom memory chaos --seconds 120 --seed 1 --json",
        [
            Seconds.Option, Seed.Option, Threads.Option, Spans.Option, LoseThree, MemorySettings.Nodes.Option, MemorySettings.Transport.Option,
            MemorySettings.Scheme.Option, MemorySettings.Capacity.Option, Json, MemorySettings.LogLevelSetting.Option,
        ],
        terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var parsed = invocation.Options;
        var (seconds, seed, transport, nodes) = (Seconds.Read(parsed), Seed.Read(parsed), MemorySettings.Transport.Read(parsed), MemorySettings.Nodes.Read(parsed));
        var (scheme, compaction) = MemorySettings.Scheme.Read(parsed);
        if (scheme is RedundancyScheme.None or RedundancyScheme.ReplicationTwo)
            throw new UsageException($"{MemorySettings.Scheme.Name}: '{MemorySettings.NameOf((scheme, compaction))}' does not survive two losses; chaos needs ec-remote, ec-local, ec-split or replication3.");
        if (nodes < 7)
            throw new UsageException($"{MemorySettings.Nodes.Name}: '{nodes}' must be at least 7, so that a span set finds another place while nodes are down.");
        await invocation.Terminal.Error.WriteLineAsync($"chaos: seed {seed}");
        using var loggers = MemorySettings.CreateLoggers(MemorySettings.LogLevelSetting.Read(parsed));
        var logger = loggers.CreateLogger("memory");
        using var cluster = await NodeCluster.StartAsync(nodes, transport, MemorySettings.Capacity.Read(parsed) ?? 1L << 30, cancellation);
        var directoryOptions = new RegionDirectoryOptions
        {
            Nodes = [.. cluster.Nodes.Select(node => node.Endpoint)],
            RegionBytes = 16 << 20,
            StatePath = Path.Combine(cluster.Folder, "regions"),
        };
        await using var directory = RegionDirectory.Start(directoryOptions, logger);
        await using var pool = HostedFarPool.Open(new FarPoolOptions { Scheme = scheme, Compaction = compaction, ScrubIntervalUs = 100 }, directory, logger);
        var result = await new ChaosRun(pool, cluster, directory, invocation.Terminal.Error, (int)(seed & int.MaxValue), Threads.Read(parsed), Spans.Read(parsed))
            .RunAsync(TimeSpan.FromSeconds(seconds), parsed.GetValue(LoseThree), cancellation);
        var report = new Report(
            seconds, seed, transport.ToString().ToLowerInvariant(), MemorySettings.NameOf((scheme, compaction)), nodes, result.Acknowledged, result.Verified, result.Lost, result.Wrong,
            result.DegradedReads, result.Rebuilds, result.OverDeadline, result, BenchmarkOrigin.Machine, BenchmarkOrigin.Commit);
        if (parsed.GetValue(Json))
            JsonReport.WriteIndented(invocation.Terminal.Output, report);
        else
            await invocation.Terminal.Output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"acknowledged {result.Acknowledged}, verified {result.Verified}, lost {result.Lost}, wrong {result.Wrong}, degraded reads {result.DegradedReads}, rebuilds {result.Rebuilds}, over deadline {result.OverDeadline}"));
        if (result.Lost > 0 || result.Wrong > 0 || result.OverDeadline > 0 || result.DeadlineReads > 0 || result.Loss is { IsExact: false })
            throw new CommandException($"memory chaos: lost {result.Lost}, wrong {result.Wrong}, over deadline {result.OverDeadline + result.DeadlineReads} (seed {seed})");
    }
}
