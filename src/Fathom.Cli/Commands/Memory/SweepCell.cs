using System.Globalization;
using Fathom.FarMemory.Pool;

namespace Fathom.Cli.Commands.Memory;

/// <summary>The tables of `fathom memory sweep`.</summary>
internal enum SweepTable
{
    Zipf,
    Compaction,
    Transactions,
    Recovery,
}

/// <summary>One measurement of a table: a scheme and what is done under it.</summary>
internal sealed record SweepCell(string Scheme, int Compactions, FarPoolOptions Options, MemoryWorkload Workload)
{
    private const int ObjectBytes = 1024;
    private const int ValueBytes = 4096;
    private const int CompactionsUsual = 2;
    private const double ZipfUsual = 0.99;

    private static readonly (RedundancyScheme Scheme, CompactionMode Compaction)[] Schemes =
    [
        (RedundancyScheme.None, CompactionMode.Off), (RedundancyScheme.ReplicationTwo, CompactionMode.Off), (RedundancyScheme.ReplicationThree, CompactionMode.Off),
        (RedundancyScheme.ErasureSplit, CompactionMode.Off), (RedundancyScheme.ErasureBatch, CompactionMode.Local), (RedundancyScheme.ErasureBatch, CompactionMode.Remote),
    ];

    /// <summary>All cells of a table, schemes next to each other.</summary>
    public static List<SweepCell> Of(SweepTable table, int objects, int threads, double warmUpSeconds, double seconds)
    {
        var array = new MemoryWorkload(false, objects, ObjectBytes, 0.5, ZipfUsual, threads, warmUpSeconds, seconds, 0.1, 0);
        var cells = new List<SweepCell>();
        switch (table)
        {
            case SweepTable.Zipf:
                foreach (var zipf in (double[])[0, 0.4, 0.8, 0.99, 1.2, 1.4])
                    cells.AddRange(Schemes.Select(scheme => Make(scheme, CompactionsUsual, array with { Zipf = zipf })));
                break;
            case SweepTable.Compaction:
                cells.Add(Make(Schemes[0], 0, array));
                cells.Add(Make((RedundancyScheme.ErasureBatch, CompactionMode.Off), 0, array));
                foreach (var mode in (CompactionMode[])[CompactionMode.Local, CompactionMode.Remote])
                    cells.AddRange(Enumerable.Range(1, 3).Select(compactions => Make((RedundancyScheme.ErasureBatch, mode), compactions, array)));
                break;
            case SweepTable.Transactions:
                var transactions = array with { IsTransactions = true, Objects = objects / (ValueBytes / ObjectBytes), ObjectBytes = ValueBytes };
                foreach (var local in (double[])[0.1, 0.25, 0.5, 0.75, 1])
                    cells.AddRange(Schemes.Where(scheme => scheme.Scheme != RedundancyScheme.ReplicationTwo).Select(scheme => Make(scheme, CompactionsUsual, transactions with { LocalShare = local })));
                break;
            case SweepTable.Recovery:
                // Killed a quarter in: time enough for the throughput before, and for what comes after.
                var killed = array with { Seconds = 4 * seconds, KillAtSeconds = seconds, WarmUpSeconds = 4 * warmUpSeconds };
                cells.AddRange(Schemes.Where(scheme => scheme.Scheme != RedundancyScheme.None).Select(scheme => Make(scheme, CompactionsUsual, killed)));
                break;
        }
        return cells;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Scheme} zipf {Workload.Zipf} local {Workload.LocalShare:P0} compactions {Compactions}");

    private static SweepCell Make((RedundancyScheme Scheme, CompactionMode Compaction) scheme, int compactions, MemoryWorkload workload)
    {
        var used = scheme.Compaction == CompactionMode.Off ? 0 : compactions;
        return new SweepCell(MemorySettings.NameOf(scheme), used, MemorySettings.OptionsOf(scheme.Scheme, scheme.Compaction, used), workload);
    }
}

/// <summary>What a table says of one cell; of several repetitions the one with the median throughput, and their spread.</summary>
internal sealed record SweepRow(
    string Scheme, double Zipf, double LocalMemory, int Compactions, double OperationsPerS, double OperationsPerSMin, double OperationsPerSMax, double P50Us, double P99Us,
    double FarBytesOverLive, MemoryResult Details)
{
    public static SweepRow Of(SweepCell cell, List<MemoryResult> results)
    {
        var ordered = results.OrderBy(result => result.OperationsPerS).ToList();
        var median = ordered[ordered.Count / 2];
        // The timeline says something where a node dies, and nothing but its length elsewhere.
        var details = cell.Workload.KillAtSeconds > 0 ? median : median with { Timeline = [] };
        return new SweepRow(
            cell.Scheme, cell.Workload.Zipf, cell.Workload.LocalShare, cell.Compactions, median.OperationsPerS, ordered[0].OperationsPerS, ordered[^1].OperationsPerS,
            median.P50Us, median.P99Us, median.FarBytesOverLive, details);
    }
}
