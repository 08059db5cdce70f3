using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Commands.BlockLogs;
using Fathom.Cli.Reports;
using Fathom.Memory;
using Fathom.Tiering.BlockLog;
using Fathom.Tiering.Tiers;
using Microsoft.Extensions.Logging.Abstractions;
using Spectre.Console;

namespace Fathom.Cli.Commands.Bench;

/// <summary>`fathom bench block-log`: how long a full block log takes to open, and a look-up in it against reads.</summary>
internal static class BlockLogCommand
{
    private static readonly Setting<string?> Folder = Settings.Text("--folder", "PATH", "Folder of the log; it is made there and removed.", ".");
    private static readonly Setting<long?> Size = Settings.Bytes("--size", "Bytes of blocks that are stored.", "10GiB");
    private static readonly Setting<long?> BlockSize = Settings.Bytes("--block-size", "Bytes of a block.", "64KiB");
    private static readonly Setting<int[]> Blocks = Settings.Integers("--blocks", "Blocks that a look-up finds.", "1,64,255,1024", 1, ConversationSet.Depth);
    private static readonly Setting<int> LookUps = Settings.Integer("--look-ups", "Look-ups of each way in a repetition.", 500, 100);
    private static readonly Setting<int> Repetitions = Settings.Integer("--repetitions", "Repetitions, after one to warm up.", 5, 1);
    private static readonly Setting<int> Opens = Settings.Integer("--opens", "How often the log is opened.", 5, 1);
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object." };

    private sealed record Report(
        string Engine, bool Direct, long FileBytes, long BlocksStored, long BlockBytes, int Conversations, int ConversationsWhole,
        double StoreMbPerS, double OpenMs, double OpenMsMin, double OpenMsMax, double FirstHitMs, int LookUps, int Repetitions, IReadOnlyList<LookUpRace.Row> Results, string Machine, string Commit);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "block-log", "Measures a log of KV blocks on a drive: opening it when it is full, look-ups against reads.",
        "fathom bench block-log --folder /var/tmp --size 10GiB --json",
        [Folder.Option, Size.Option, BlockSize.Option, Blocks.Option, LookUps.Option, Repetitions.Option, Opens.Option, Json], terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        if (!OperatingSystem.IsLinux())
            throw new CommandException("This benchmark runs on Linux only.");
        var parsed = invocation.Options;
        var (size, blockBytes) = (Size.Read(parsed) ?? 10L << 30, checked((int)(BlockSize.Read(parsed) ?? 64 << 10)));
        if (blockBytes is < 16 or > BlockLogOptions.BlockBytesLimit)
            throw new UsageException($"{BlockSize.Name}: must be 16 to {BlockLogOptions.BlockBytesLimit}.");
        var options = new BlockLogOptions
        {
            Path = Path.Combine(Folder.Read(parsed)!, $"fathom-block-log-{Environment.ProcessId}.kv"),
            CapacityBytes = (size / 4 * 5) + BlockLogOptions.CapacityBytesMin(blockBytes),
            BlockBytes = blockBytes,
            LookUpTime = TimeSpan.FromSeconds(30), // on a busy machine a look-up is slow, not failed
        };
        try
        {
            var conversations = new ConversationSet(size / blockBytes, blockBytes);
            var report = await MeasureAsync(invocation, options, conversations, cancellation);
            if (parsed.GetValue(Json))
                JsonReport.WriteIndented(invocation.Terminal.Output, report);
            else
                await WriteTableAsync(invocation.Terminal.Output, report);
        }
        catch (KvTierException failure)
        {
            throw new CommandException(failure.Message);
        }
        finally
        {
            File.Delete(options.Path);
        }
    }

    private static async Task<Report> MeasureAsync(
        Invocation invocation, BlockLogOptions options, ConversationSet conversations, CancellationToken cancellation)
    {
        var start = Stopwatch.GetTimestamp();
        await ProgressBar.RunAsync("Storing", invocation.Terminal, async report =>
        {
            await using var log = KvBlockLog.Open(options, NullLogger.Instance);
            await conversations.StoreAsync(log, report, cancellation);
            return true;
        });
        var stored = Stopwatch.GetElapsedTime(start);
        var opens = new List<double>();
        var hits = new List<double>();
        var repetitions = Opens.Read(invocation.Options);
        for (var i = 0; i < repetitions; i++)
        {
            start = Stopwatch.GetTimestamp();
            await using var log = KvBlockLog.Open(options, NullLogger.Instance);
            opens.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            await ReadFirstAsync(log, conversations.Own[i % conversations.Own.Count], options.BlockBytes, cancellation);
            hits.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        await using var full = KvBlockLog.Open(options, NullLogger.Instance);
        var (lookUps, rounds) = (LookUps.Read(invocation.Options), Repetitions.Read(invocation.Options));
        var race = new LookUpRace(full, options.Path, 8192, full.IndexBytes, seed: 1);
        var rows = new List<LookUpRace.Row>();
        var whole = 0;
        foreach (var (shape, all) in ((string, List<KvBlockKey[]>)[])[("own", conversations.Own), ("shared_prompt", conversations.Shared)])
        {
            // A page of the index that too many runs fall to has lost one: a conversation is found up to there.
            var chains = all.FindAll(chain => full.LookUp(chain, LookUpWay.Reads).Blocks == chain.Length);
            whole += chains.Count;
            if (chains.Count == 0)
                throw new CommandException($"No conversation of shape {shape} is whole in the log.");
            foreach (var blocks in Blocks.Read(invocation.Options))
                rows.Add(await race.RunAsync(shape, chains, blocks, lookUps, rounds, cancellation));
        }
        var open = Spread.Of(opens);
        var usage = full.Usage;
        return new Report(
            $"{full.Engine.Kind}: {full.Engine.Reason}", full.IsDirect, options.CapacityBytes, usage.Blocks, options.BlockBytes,
            conversations.Own.Count + conversations.Shared.Count, whole,
            usage.Blocks * options.BlockBytes / 1e6 / stored.TotalSeconds, open.Median, open.Min, open.Max, Spread.Of(hits).Median, lookUps, rounds, rows,
            BenchmarkOrigin.Machine, BenchmarkOrigin.Commit);
    }

    /// <summary>The log is ready when a block was found and read.</summary>
    private static async Task ReadFirstAsync(KvBlockLog log, KvBlockKey[] chain, int blockBytes, CancellationToken cancellation)
    {
        using var memory = NativeBuffer.Allocate((blockBytes + 4095) / 4096 * 4096, 4096);
        var match = await log.MatchPrefixAsync(default, chain.AsMemory(0, 1), cancellation);
        var statuses = new KvBlockStatus[1];
        await log.GetBatchAsync(chain.AsMemory(0, 1), new[] { memory.View.Slice(0, blockBytes) }, statuses, cancellation);
        log.Release(match.Lease);
        var expected = new byte[KvBlockKey.Bytes];
        KeyChain.Stamp(expected, chain[0]);
        if (statuses[0] != KvBlockStatus.Done || !memory.AsSpan<byte>(0, KvBlockKey.Bytes).SequenceEqual(expected))
            throw new CommandException($"The first block after opening the log is {statuses[0]}.");
    }

    private static async Task WriteTableAsync(TextWriter output, Report report)
    {
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
            $"{report.BlocksStored} blocks of {ByteSize.Format(report.BlockBytes)}, stored at {report.StoreMbPerS:0} MB/s; opened in {report.OpenMs:0.0} ms, first block read after {report.FirstHitMs:0.0} ms; {report.Engine}"));
        var table = new Table().Border(TableBorder.Simple).AddColumns("shape", "blocks", "pages", "chains", "function µs", "match µs", "pread walk µs", "4 KiB read µs", "to read", "to walk");
        foreach (var row in report.Results)
        {
            table.AddRow(
                row.Shape, $"{row.Blocks}", Figure(row.Hops), Figure(row.Submissions), Figure(row.StorageFunction.P50Us), Figure(row.Match.P50Us),
                Figure(row.PreadWalk.P50Us), Figure(row.SingleRead.P50Us), Figure(row.RatioToSingleRead), Figure(row.RatioToPreadWalk));
        }
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) }).Write(table);
    }

    private static string Figure(double value) => value.ToString(value >= 100 ? "0" : "0.0#", CultureInfo.InvariantCulture);
}
