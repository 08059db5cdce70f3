using System.CommandLine;
using System.Globalization;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.Ycsb;
using Fathom.Ycsb.Stores;
using Fathom.Ycsb.Workloads;
using Spectre.Console;

namespace Fathom.Cli.Commands.Kv;

/// <summary>`fathom kv bench`: YCSB workloads on this store, on RocksDB, on LMDB, or on several of them in turns.</summary>
internal static class BenchCommand
{
    private static readonly Setting<string?> Folder = Settings.RequiredText("--folder", "DIR", "Where the store's files go; a store that is there already is used.");
    private static readonly Setting<string?> Workloads = Settings.RequiredText("--workloads", "FILE,FILE,…", "YCSB workload files, run in this order.");
    private static readonly Setting<string?> Store = Settings.Text("--store", "NAME,…", "fathom, rocksdb, lmdb, or several of them: in one process, each workload on each in turn.", "fathom");
    private static readonly Setting<int> Rounds = Settings.Integer("--rounds", "Times that everything runs; figures are medians.", 1, 1, 100);
    private static readonly Setting<string?> Library = Settings.Text("--library", "FILE", "Native library of RocksDB or LMDB; the system's if left out.");
    private static readonly Setting<int> Records = Settings.Integer("--records", "Records.", 500_000, 1000);
    private static readonly Setting<int> ValueBytes = Settings.Integer("--value", "Bytes of a record.", 1000, 8, 1 << 20);
    private static readonly Setting<long?> Memory = Settings.Bytes("--memory", "Write buffers and caches together.", "a quarter of the data");
    private static readonly Setting<long?> WriteBuffer = Settings.Bytes("--write-buffer", "One of the two write buffers.", "an eighth of the memory");
    private static readonly Setting<int> Threads = Settings.Integer("--threads", "Clients.", 16, 1, 512);
    private static readonly Setting<double> WarmUp = Settings.Number("--warm-up", "S", "Seconds before counting begins.", 5, 0);
    private static readonly Setting<double> Seconds = Settings.Number("--seconds", "S", "Seconds counted.", 15, 0.1);
    private static readonly Setting<RequestDistribution?> Distribution = Settings.Choice<RequestDistribution?>("--distribution", "Instead of the workloads' own (latest stays).",
        null, ("workload", null), ("zipfian", RequestDistribution.Zipfian), ("uniform", RequestDistribution.Uniform));
    private static readonly Setting<ulong> Seed = Settings.Seed("Seed of all choices.", 1);

    private sealed record StoreReport(string Store, double? LoadS, long LoadedBytes, long FileBytes);

    private sealed record Report(
        IReadOnlyList<StoreReport> Stores, long Records, int ValueBytes, long MemoryBytes, long WriteBufferBytes, int Threads, string Durability, int Rounds,
        IReadOnlyList<WorkloadFigures> Results, IReadOnlyList<WorkloadRatio> Ratios, string Machine, string Commit);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "bench", "Runs YCSB workloads.", "fathom kv bench --folder bench.kv --workloads workloada,workloadc --records 500000 --json",
        [Folder.Option, Workloads.Option, Store.Option, Rounds.Option, Library.Option, Records.Option, ValueBytes.Option, Memory.Option, WriteBuffer.Option, Threads.Option, WarmUp.Option, Seconds.Option,
            Distribution.Option, Seed.Option, StoreArguments.Engine.Option, StoreArguments.Durability.Option, StoreArguments.Json],
        terminal, RunAsync);

    private static Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        var (records, valueBytes, seed) = (Records.Read(options), ValueBytes.Read(options), Seed.Read(options));
        var memory = Memory.Read(options) ?? Math.Max(16L << 20, (long)records * valueBytes / 4);
        var files = Workloads.ReadRequired(options).Split(',').Select(WorkloadFile.Open).ToList();
        var run = new YcsbOptions
        {
            Threads = Threads.Read(options),
            ValueBytes = valueBytes,
            WarmUp = TimeSpan.FromSeconds(WarmUp.Read(options)),
            Duration = TimeSpan.FromSeconds(Seconds.Read(options)),
            Distribution = Distribution.Read(options),
            Seed = seed,
        };
        var folder = Directory.CreateDirectory(Folder.ReadRequired(options)).FullName;
        var settings = new StoreSettings(folder, memory, StoreArguments.Durability.Read(options), StoreArguments.Engine.Read(options), WriteBuffer.Read(options), Library.Read(options));
        using var contest = new StoreContest(records);
        var loadSeconds = Store.Read(options)!.Split(',').Select(name => contest.Add(name, Make(name, settings), valueBytes, seed)).ToList();
        var loadedBytes = contest.Stores.Select(store => store.FileBytes()).ToList();
        contest.Run(files, run, Rounds.Read(options), cancellation);
        var stores = contest.Stores.Select((store, i) => new StoreReport(store.Description, loadSeconds[i], loadedBytes[i], store.FileBytes())).ToList();
        var report = new Report(
            stores, records, valueBytes, memory, settings.WriteBufferBytes, run.Threads, settings.Durability.ToString().ToLowerInvariant(), Rounds.Read(options),
            contest.Figures(), contest.Ratios(), BenchmarkOrigin.Machine, BenchmarkOrigin.Commit);
        if (options.GetValue(StoreArguments.Json))
            JsonReport.WriteIndented(invocation.Terminal.Output, report);
        else
            WriteTable(invocation.Terminal.Output, report);
        return Task.CompletedTask;
    }

    private static IBenchmarkStore Make(string name, StoreSettings settings)
    {
        var own = settings with { Folder = Directory.CreateDirectory(Path.Combine(settings.Folder, name)).FullName };
        return name switch
        {
            "fathom" => new FathomStore(own),
            "rocksdb" => new RocksStore(own),
            "lmdb" => new LmdbStore(own),
            _ => throw new UsageException($"--store: '{name}' must be fathom, rocksdb or lmdb."),
        };
    }

    private static void WriteTable(TextWriter output, Report report)
    {
        foreach (var store in report.Stores)
        {
            var load = store.LoadS is { } seconds ? $"loaded in {Figure(seconds)} s, " : "";
            output.WriteLine($"{store.Store}: {load}{ByteSize.Format(store.FileBytes)} of files");
        }
        output.WriteLine($"{report.Records} records of {report.ValueBytes} B, {ByteSize.Format(report.MemoryBytes)} of memory, {report.Threads} clients, durability {report.Durability}, medians of {report.Rounds}");
        var table = new Table().Border(TableBorder.Simple).AddColumns("workload", "requests", "store", "operations/s", "least", "most", "p50 µs", "p99 µs", "read p99 µs", "CPU µs/op");
        foreach (var row in report.Results)
            table.AddRow(row.Workload, row.Distribution, row.Store, Figure(row.OpsPerS), Figure(row.OpsPerSMin), Figure(row.OpsPerSMax), Figure(row.P50Us), Figure(row.P99Us), Figure(row.ReadP99Us), Figure(row.CpuUsPerOp));
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) }).Write(table);
        foreach (var ratio in report.Ratios)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{ratio.Workload}: {ratio.Ratio:0.00} of {ratio.Against} ({ratio.RatioMin:0.00} to {ratio.RatioMax:0.00})"));
    }

    private static string Figure(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
