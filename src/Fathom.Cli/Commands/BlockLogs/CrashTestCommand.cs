using System.Buffers.Binary;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.Tiering.BlockLog;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Cli.Commands.BlockLogs;

/// <summary>`fathom block-log crash-test`: kill -9 of a process that stores blocks, again and again on one file.</summary>
internal static class CrashTestCommand
{
    private const int MomentMsMax = 250;
    private const int KillsPerLog = 25;

    private static readonly Setting<int> Kills = Settings.Integer("--kills", "How often.", 20, 1);
    private static readonly Setting<string?> Folder = Settings.Text("--folder", "DIR", "Where the log goes; a temporary folder if left out.");
    private static readonly Setting<int> Seed = Settings.Integer("--seed", "Seed of blocks and moments.", 1, 0, 1_000_000);
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object." };

    private sealed record Report(int Kills, long Acknowledged, long Lost, long Wrong, double OpenMsMax, double ElapsedS, int Seed, string Machine, string Commit);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "crash-test", "Kills a process that stores blocks, at random moments, and checks that nothing acknowledged is lost and no byte is wrong.",
        "fathom block-log crash-test --kills 100 --json", [Kills.Option, Folder.Option, Seed.Option, Json], terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        var (kills, seed) = (Kills.Read(options), Seed.Read(options));
        var folder = Folder.Read(options) is { } given ? Directory.CreateDirectory(given) : Directory.CreateTempSubdirectory("fathom-crash-");
        var started = Stopwatch.GetTimestamp();
        var random = new Random(seed);
        var report = new Report(0, 0, 0, 0, 0, 0, seed, BenchmarkOrigin.Machine, BenchmarkOrigin.Commit);
        for (var log = 0; report.Kills < kills; log++)
        {
            var path = Path.Combine(folder.FullName, $"crash-{log}.kv");
            var stored = new int[CrashWorkload.Conversations];
            // A writer that finds its log full acknowledges nothing.
            for (var round = 0; round < KillsPerLog && report.Kills < kills && HasRoom(stored); round++)
            {
                await RunWriterAsync(path, seed + log, round, random, stored, cancellation);
                report = await VerifyAsync(report, path, seed + log, stored, cancellation);
            }
            if (report is { Lost: 0, Wrong: 0 })
                File.Delete(path);
        }
        report = report with { ElapsedS = Stopwatch.GetElapsedTime(started).TotalSeconds };
        if (options.GetValue(Json))
            JsonReport.WriteLine(invocation.Terminal.Output, report);
        else
            await invocation.Terminal.Output.WriteLineAsync($"{report.Kills} kills, {report.Acknowledged} blocks acknowledged, {report.Lost} lost, {report.Wrong} wrong");
        if (report.Lost + report.Wrong > 0)
            throw new CommandException($"{report.Lost} blocks that were acknowledged are lost, {report.Wrong} have other bytes; the files are in {folder.FullName}");
        if (Folder.Read(options) is null)
            folder.Delete(recursive: true);
    }

    /// <summary>Runs the writer until it is killed, and takes over what it acknowledged.</summary>
    private static async Task RunWriterAsync(string path, int seed, int round, Random random, int[] stored, CancellationToken cancellation)
    {
        var start = OwnProcess.With("block-log", "crash-writer", path, "--seed", Text(seed), "--round", Text(round));
        using var writer = Process.Start(start) ?? throw new CommandException("The writer cannot be started.");
        try
        {
            var stream = writer.StandardOutput.BaseStream;
            var acknowledgement = new byte[CrashWriterCommand.AcknowledgementBytes];
            // One in five dies while it makes or opens the log.
            var isEarly = random.Next(5) == 0;
            if (!isEarly && await TakeAsync(stream, acknowledgement, stored, cancellation))
            {
                var end = Stopwatch.GetTimestamp() + (random.Next(MomentMsMax) * Stopwatch.Frequency / 1000);
                while (Stopwatch.GetTimestamp() < end && HasRoom(stored) && await TakeAsync(stream, acknowledgement, stored, cancellation))
                {
                }
            }
            else if (isEarly)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(MomentMsMax)), TimeProvider.System, cancellation);
            }
            writer.Kill();
            // What the pipe still holds was acknowledged too.
            while (await TakeAsync(stream, acknowledgement, stored, cancellation))
            {
            }
            await writer.WaitForExitAsync(cancellation);
        }
        finally
        {
            if (!writer.HasExited)
                writer.Kill();
        }
        const int KilledExit = 128 + 9;
        if (writer.ExitCode != KilledExit)
            throw new CommandException($"{path}: the writer ended by itself with {writer.ExitCode}.");
    }

    private static bool HasRoom(int[] stored) => Array.Exists(stored, blocks => blocks < CrashWorkload.BlocksMax);

    private static async Task<bool> TakeAsync(Stream stream, byte[] acknowledgement, int[] stored, CancellationToken cancellation)
    {
        if (await stream.ReadAtLeastAsync(acknowledgement, acknowledgement.Length, throwOnEndOfStream: false, cancellation) < acknowledgement.Length)
            return false;
        stored[BinaryPrimitives.ReadInt32LittleEndian(acknowledgement)] = BinaryPrimitives.ReadInt32LittleEndian(acknowledgement.AsSpan(4));
        return true;
    }

    private static async Task<Report> VerifyAsync(Report report, string path, int seed, int[] stored, CancellationToken cancellation)
    {
        var start = Stopwatch.GetTimestamp();
        await using var log = KvBlockLog.Open(CrashWorkload.Options(path), NullLogger.Instance);
        var openMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        var (acknowledged, lost, wrong) = (0L, 0L, 0L);
        for (var conversation = 0; conversation < stored.Length; conversation++)
        {
            var found = await CrashWorkload.VerifyAsync(log, CrashWorkload.Chain(seed, conversation), cancellation);
            acknowledged += stored[conversation];
            lost += Math.Max(0, stored[conversation] - found.Stored);
            wrong += found.Wrong;
            stored[conversation] = found.Stored; // more than was acknowledged is a write in flight that is there whole
        }
        return report with
        {
            Kills = report.Kills + 1,
            Acknowledged = Math.Max(report.Acknowledged, acknowledged),
            Lost = report.Lost + lost,
            Wrong = report.Wrong + wrong,
            OpenMsMax = Math.Max(report.OpenMsMax, openMs),
        };
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
