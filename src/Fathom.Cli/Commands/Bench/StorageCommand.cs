using System.CommandLine;
using System.Globalization;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Commands.Bench.LookUps;
using Fathom.Cli.Reports;
using Microsoft.Win32.SafeHandles;
using Spectre.Console;

namespace Fathom.Cli.Commands.Bench;

/// <summary>`fathom bench storage`: look-ups by storage functions against chains of pread and of RandomAccess.ReadAsync.</summary>
internal static class StorageCommand
{
    private static readonly Setting<string?> Folder = Settings.Text("--folder", "PATH", "Folder of the index files; they are made when they are not there, and stay.", ".");
    private static readonly Setting<int[]> Depth = Settings.Integers("--depth", "Blocks that a look-up reads.", "3,6", 1, 12);
    private static readonly Setting<int[]> Threads = Settings.Integers("--threads", "Processors that the process is held to, and threads with a ring.", "1,2", 1, 1024);
    private static readonly Setting<int> InFlight = Settings.Integer("--in-flight", "Look-ups in flight.", 64, 1, 4096);
    private static readonly Setting<long?> FileSize = Settings.Bytes("--file-size", "Size of an index file.", "2GiB");
    private static readonly Setting<bool> Cached = Settings.Choice("--cache", "Reads pass the page cache by, or find everything in it.", false, ("direct", false), ("resident", true));
    private static readonly Setting<double> Seconds = Settings.Number("--seconds", "S", "Measured time of each run, after a warm-up.", 2, 0.1, 3600);
    private static readonly Setting<int> Repetitions = Settings.Integer("--repetitions", "Runs of each method, in turn with the others.", 5, 1, 1000);
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object." };

    private sealed record MethodReport(
        string Method, int Depth, int Threads, double LookUpsPerS, double LookUpsPerSMin, double LookUpsPerSMax,
        double CpuUs, double CpuUsMin, double CpuUsMax, double MachineCpuUs, double AllocatedBytes, double? SystemCalls);

    private sealed record Comparison(int Depth, int Threads, string BestCpuOfOthers, double CpuRatio, string FastestOfOthers, double ThroughputRatio);

    private sealed record Report(
        string Cache, bool Direct, string Engine, long FileBytes, int InFlight, double Seconds, int Repetitions,
        IReadOnlyList<MethodReport> Results, IReadOnlyList<Comparison> Comparisons, string Machine, string Commit);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "storage", "Measures look-ups in an index on a drive: storage functions against chains of pread and of ReadAsync.",
        "fathom bench storage --folder /var/tmp --depth 3,6 --threads 1,2 --in-flight 64 --json",
        [Folder.Option, Depth.Option, Threads.Option, InFlight.Option, FileSize.Option, Cached.Option, Seconds.Option, Repetitions.Option, Json],
        terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        if (!OperatingSystem.IsLinux())
            throw new CommandException("This benchmark runs on Linux only.");
        var options = invocation.Options;
        var (folder, inFlight, isCached) = (Folder.Read(options)!, InFlight.Read(options), Cached.Read(options));
        var (duration, repetitions) = (TimeSpan.FromSeconds(Seconds.Read(options)), Repetitions.Read(options));
        if (Threads.Read(options).Max() is var threadsMax && threadsMax > Environment.ProcessorCount)
            throw new UsageException($"--threads: {threadsMax} exceeds the {Environment.ProcessorCount} processors of this machine.");
        var results = new List<MethodReport>();
        var (engine, isDirect, fileBytes) = ("", false, 0L);
        foreach (var depth in Depth.Read(options))
        {
            var index = new LookUpIndex(depth, FileSize.Read(options) ?? 2L << 30);
            var path = Path.Combine(folder, $"fathom-look-ups-{depth}-{index.FileBytes}.index");
            ProgressBar.Run($"Building {Path.GetFileName(path)}", invocation.Terminal, report => index.Write(path, report, cancellation));
            if (isCached)
                ReadWhole(path);
            foreach (var threads in Threads.Read(options))
            {
                ProcessorSet.Limit(threads);
                using var files = new LookUpFiles(path, isCached, inFlight, threads);
                (engine, isDirect, fileBytes) = (files.Description, files.IsDirect, index.FileBytes);
                results.AddRange(await MeasureAsync(index, files, inFlight, threads, duration, repetitions, cancellation));
            }
        }
        ProcessorSet.Limit(Environment.ProcessorCount);
        var report = new Report(
            isCached ? "resident" : "direct", isDirect, engine, fileBytes, inFlight, duration.TotalSeconds, repetitions, results,
            [.. results.GroupBy(row => (row.Depth, row.Threads)).Select(Compare)], BenchmarkOrigin.Machine, BenchmarkOrigin.Commit);
        if (options.GetValue(Json))
            JsonReport.WriteIndented(invocation.Terminal.Output, report);
        else
            await WriteTableAsync(invocation.Terminal.Output, report);
    }

    /// <summary>Every method in turn, as often as asked for, so that a change of the machine's mood meets all of them.</summary>
    private static async Task<IEnumerable<MethodReport>> MeasureAsync(
        LookUpIndex index, LookUpFiles files, int inFlight, int threads, TimeSpan duration, int repetitions, CancellationToken cancellation)
    {
        var methods = files.Methods(index, inFlight, threads);
        var samples = methods.ConvertAll(_ => new List<LookUpSample>());
        // The first run of a method compiles it, and the runtime compiles it again when it sees what is hot.
        foreach (var (_, create) in methods)
            _ = await LookUpSample.TakeAsync(create(), TimeSpan.FromSeconds(double.Min(1, duration.TotalSeconds)), cancellation);
        for (var round = 0; round < repetitions; round++)
        {
            for (var i = 0; i < methods.Count; i++)
                samples[i].Add(await LookUpSample.TakeAsync(methods[i].Create(), duration, cancellation));
        }
        return methods.Select((method, i) => Summarise(method.Name, index.Depth, threads, samples[i]));
    }

    private static MethodReport Summarise(string name, int depth, int threads, List<LookUpSample> samples)
    {
        var rate = Spread.Of(samples.Select(sample => sample.PerSecond));
        var cpu = Spread.Of(samples.Select(sample => sample.CpuUs));
        return new MethodReport(
            name, depth, threads, rate.Median, rate.Min, rate.Max, cpu.Median, cpu.Min, cpu.Max,
            Spread.Of(samples.Select(sample => sample.MachineCpuUs)).Median, Spread.Of(samples.Select(sample => sample.AllocatedBytes)).Median,
            samples[0].SystemCalls is null ? null : Spread.Of(samples.Select(sample => sample.SystemCalls!.Value)).Median);
    }

    private static Comparison Compare(IGrouping<(int Depth, int Threads), MethodReport> rows)
    {
        var ours = rows.First(row => row.Method == LookUpFiles.StorageFunctions);
        var others = rows.Where(row => row.Method is LookUpFiles.Pread or LookUpFiles.ReadAsync).ToList();
        var (cheapest, fastest) = (others.MinBy(row => row.CpuUs)!, others.MaxBy(row => row.LookUpsPerS)!);
        return new Comparison(
            rows.Key.Depth, rows.Key.Threads, cheapest.Method, ours.CpuUs / cheapest.CpuUs, fastest.Method, ours.LookUpsPerS / fastest.LookUpsPerS);
    }

    private static void ReadWhole(string path)
    {
        using SafeFileHandle handle = File.OpenHandle(path);
        var buffer = new byte[4 << 20];
        long position = 0;
        for (int read; (read = RandomAccess.Read(handle, buffer, position)) > 0;)
            position += read;
    }

    private static async Task WriteTableAsync(TextWriter output, Report report)
    {
        await output.WriteLineAsync(
            $"{ByteSize.Format(report.FileBytes)} index, {report.InFlight} look-ups in flight, {(report.Direct ? "O_DIRECT" : "page cache")}, median of {report.Repetitions}; {report.Engine}");
        var table = new Table().Border(TableBorder.Simple).AddColumns(
            "method", "depth", "threads", "look-ups/s", "CPU µs", "machine µs", "bytes", "calls");
        foreach (var row in report.Results)
        {
            table.AddRow(
                row.Method, $"{row.Depth}", $"{row.Threads}", Figure(row.LookUpsPerS), Figure(row.CpuUs), Figure(row.MachineCpuUs), Figure(row.AllocatedBytes),
                row.SystemCalls is { } calls ? Figure(calls) : "");
        }
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) }).Write(table);
        foreach (var row in report.Comparisons)
        {
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"depth {row.Depth}, threads {row.Threads}: {row.CpuRatio:0.00} of the CPU of {row.BestCpuOfOthers}, {row.ThroughputRatio:0.00} times the throughput of {row.FastestOfOthers}"));
        }
    }

    private static string Figure(double value) => value.ToString(value >= 1000 ? "0" : "0.0#", CultureInfo.InvariantCulture);
}
