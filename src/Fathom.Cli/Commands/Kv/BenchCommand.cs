using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.Ycsb;
using Fathom.Ycsb.Stores;
using Fathom.Ycsb.Workloads;
using Spectre.Console;

namespace Fathom.Cli.Commands.Kv;

/// <summary>`fathom kv bench`: YCSB workloads on this store, on RocksDB or on LMDB.</summary>
internal static class BenchCommand
{
    private static readonly Setting<string?> Folder = Settings.RequiredText("--folder", "DIR", "Where the store's files go; a store that is there already is used.");
    private static readonly Setting<string?> Workloads = Settings.RequiredText("--workloads", "FILE,FILE,…", "YCSB workload files, run in this order.");
    private static readonly Setting<string> Store = Settings.Choice("--store", "Which store.", "fathom", ("fathom", "fathom"), ("rocksdb", "rocksdb"), ("lmdb", "lmdb"));
    private static readonly Setting<string?> Library = Settings.Text("--library", "FILE", "Native library of RocksDB or LMDB; the system's if left out.");
    private static readonly Setting<int> Records = Settings.Integer("--records", "Records.", 500_000, 1000);
    private static readonly Setting<int> ValueBytes = Settings.Integer("--value", "Bytes of a record.", 1000, 8, 1 << 20);
    private static readonly Setting<long?> Memory = Settings.Bytes("--memory", "Write buffers and caches together.", "a quarter of the data");
    private static readonly Setting<int> Threads = Settings.Integer("--threads", "Clients.", 16, 1, 512);
    private static readonly Setting<double> WarmUp = Settings.Number("--warm-up", "S", "Seconds before counting begins.", 5, 0);
    private static readonly Setting<double> Seconds = Settings.Number("--seconds", "S", "Seconds counted.", 15, 0.1);
    private static readonly Setting<RequestDistribution?> Distribution = Settings.Choice<RequestDistribution?>("--distribution", "Instead of the workloads' own (latest stays).",
        null, ("workload", null), ("zipfian", RequestDistribution.Zipfian), ("uniform", RequestDistribution.Uniform));
    private static readonly Setting<ulong> Seed = Settings.Seed("Seed of all choices.", 1);

    private sealed record Report(
        string Store, long Records, int ValueBytes, long MemoryBytes, int Threads, string Durability, double? LoadS, long LoadedBytes, long FileBytes,
        IReadOnlyList<YcsbResult> Results, string Machine, string Commit);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "bench", "Runs YCSB workloads.", "fathom kv bench --folder bench.kv --workloads workloada,workloadc --records 500000 --json",
        [Folder.Option, Workloads.Option, Store.Option, Library.Option, Records.Option, ValueBytes.Option, Memory.Option, Threads.Option, WarmUp.Option, Seconds.Option,
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
        var isLoaded = Directory.EnumerateFileSystemEntries(folder).Any();
        using var store = Open(Store.Read(options), new StoreSettings(folder, memory, StoreArguments.Durability.Read(options), StoreArguments.Engine.Read(options), Library.Read(options)));
        double? loadSeconds = null;
        if (!isLoaded)
        {
            var started = Stopwatch.GetTimestamp();
            store.Load(records, valueBytes, seed);
            loadSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        }
        var loadedBytes = store.FileBytes();
        var ycsb = new YcsbRun(store, records);
        var results = files.Select(file => ycsb.Run(file, run, cancellation)).ToList();
        var report = new Report(
            store.Description, records, valueBytes, memory, run.Threads, StoreArguments.Durability.Read(options).ToString().ToLowerInvariant(), loadSeconds, loadedBytes, store.FileBytes(),
            results, BenchmarkOrigin.Machine, BenchmarkOrigin.Commit);
        if (options.GetValue(StoreArguments.Json))
            JsonReport.WriteIndented(invocation.Terminal.Output, report);
        else
            WriteTable(invocation.Terminal.Output, report);
        return Task.CompletedTask;
    }

    private static IBenchmarkStore Open(string name, StoreSettings settings) => name switch
    {
        "rocksdb" => new RocksStore(settings),
        "lmdb" => new LmdbStore(settings),
        _ => new FathomStore(settings),
    };

    private static void WriteTable(TextWriter output, Report report)
    {
        var load = report.LoadS is { } seconds ? $"loaded in {seconds.ToString("0.0", CultureInfo.InvariantCulture)} s, " : "";
        output.WriteLine($"{report.Store}: {report.Records} records of {report.ValueBytes} B, {ByteSize.Format(report.MemoryBytes)} of memory, {report.Threads} clients, durability {report.Durability}; {load}{ByteSize.Format(report.FileBytes)} of files");
        var table = new Table().Border(TableBorder.Simple).AddColumns("workload", "requests", "operations/s", "p50 µs", "p99 µs", "read p99 µs", "CPU µs/op");
        foreach (var row in report.Results)
            table.AddRow(row.Workload, row.Distribution, Figure(row.OpsPerS), Figure(row.P50Us), Figure(row.P99Us), Figure(row.ReadP99Us), Figure(row.CpuUsPerOp));
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) }).Write(table);
    }

    private static string Figure(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
