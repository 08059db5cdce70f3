using System.Diagnostics;
using Fathom.Cli.Reports;
using Fathom.Ycsb;
using Fathom.Ycsb.Stores;
using Fathom.Ycsb.Workloads;

namespace Fathom.Cli.Commands.Kv;

/// <summary>Medians of a workload on one store.</summary>
internal sealed record WorkloadFigures(
    string Store, string Workload, string Distribution, double OpsPerS, double OpsPerSMin, double OpsPerSMax, double P50Us, double P99Us, double ReadP99Us, double CpuUsPerOp,
    long Operations, long NotFound);

/// <summary>Median over the rounds of the first store's operations a second over another's.</summary>
internal sealed record WorkloadRatio(string Workload, string Against, double Ratio, double RatioMin, double RatioMax);

/// <summary>Stores in one process that run the same workloads in turns.</summary>
internal sealed class StoreContest(long records) : IDisposable
{
    private static readonly TimeSpan QuietFor = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan QuietWaitMax = TimeSpan.FromSeconds(10);

    private readonly List<(string Name, IBenchmarkStore Store, YcsbRun Run)> _stores = [];
    private readonly List<(string Store, int Round, YcsbResult Result)> _results = [];

    public IEnumerable<IBenchmarkStore> Stores => _stores.Select(entry => entry.Store);

    /// <summary>Takes a store in and fills it if it is empty; returns how long that took.</summary>
    public double? Add(string name, IBenchmarkStore store, int valueBytes, ulong seed)
    {
        _stores.Add((name, store, new YcsbRun(store, records)));
        if (store.IsLoaded)
            return null;
        var started = Stopwatch.GetTimestamp();
        store.Load(records, valueBytes, seed);
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Each workload on each store, round after round; between runs it waits for what a store does in the background.</summary>
    public void Run(IReadOnlyList<WorkloadFile> workloads, YcsbOptions options, int rounds, CancellationToken cancellation)
    {
        for (var round = 0; round < rounds; round++)
        {
            foreach (var workload in workloads)
            {
                foreach (var (name, _, run) in _stores)
                {
                    WaitUntilQuiet(cancellation);
                    _results.Add((name, round, run.Run(workload, options, cancellation)));
                }
            }
        }
    }

    public IReadOnlyList<WorkloadFigures> Figures() =>
        [.. _results.GroupBy(entry => (entry.Store, entry.Result.Workload)).Select(group => OfRounds(group.Key.Store, [.. group.Select(entry => entry.Result)]))];

    /// <summary>The first store against each other one.</summary>
    public IReadOnlyList<WorkloadRatio> Ratios() =>
        [.. from other in _stores.Skip(1)
            from workload in _results.Select(entry => entry.Result.Workload).Distinct()
            let spread = Spread.Of(Speeds(_stores[0].Name, workload).Zip(Speeds(other.Name, workload), (own, theirs) => own / theirs))
            select new WorkloadRatio(workload, other.Name, Math.Round(spread.Median, 3), Math.Round(spread.Min, 3), Math.Round(spread.Max, 3))];

    public void Dispose() => _stores.ForEach(entry => entry.Store.Dispose());

    private IEnumerable<double> Speeds(string store, string workload) =>
        _results.Where(entry => entry.Store == store && entry.Result.Workload == workload).OrderBy(entry => entry.Round).Select(entry => entry.Result.OpsPerS);

    private static WorkloadFigures OfRounds(string store, List<YcsbResult> rounds)
    {
        var speed = Spread.Of(rounds.Select(round => round.OpsPerS));
        return new WorkloadFigures(
            store, rounds[0].Workload, rounds[0].Distribution, Math.Round(speed.Median), Math.Round(speed.Min), Math.Round(speed.Max), Median(round => round.P50Us), Median(round => round.P99Us),
            Median(round => round.ReadP99Us), Median(round => round.CpuUsPerOp), rounds.Sum(round => round.Operations), rounds.Sum(round => round.NotFound));

        double Median(Func<YcsbResult, double> figure) => Math.Round(Spread.Of(rounds.Select(figure)).Median, 1);
    }

    /// <summary>Merges and compactions of one store are not to be the other's load.</summary>
    private static void WaitUntilQuiet(CancellationToken cancellation)
    {
        const double QuietPart = 0.05;
        var started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < QuietWaitMax)
        {
            var before = Process.GetCurrentProcess().TotalProcessorTime;
            cancellation.WaitHandle.WaitOne(QuietFor);
            cancellation.ThrowIfCancellationRequested();
            if (Process.GetCurrentProcess().TotalProcessorTime - before < QuietFor * QuietPart)
                return;
        }
    }
}
