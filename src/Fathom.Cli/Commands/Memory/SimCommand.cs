using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.FarMemory.Simulation;

namespace Fathom.Cli.Commands.Memory;

/// <summary>`fathom memory sim`: the far memory state machines on simulated clusters, one seed each.</summary>
internal static class SimCommand
{
    private static readonly Setting<int> Seeds = Settings.Integer("--seeds", "Clusters to simulate.", 10_000, 1);
    private static readonly Setting<ulong> FirstSeed = Settings.Seed("The first seed; a single one is repeated with --seeds 1.", 0);
    private static readonly Setting<int> Threads = Settings.Integer("--threads", "Seeds at a time.", Environment.ProcessorCount, 1, 1024);
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object." };

    private sealed record Report(
        ulong Seed, long Seeds, long Failed, IReadOnlyList<FailedSeed> Failures, long Events, long Faults, long SetsAcknowledged, long SpansRead,
        long SpansVerified, long SpansLost, long DegradedReads, long Compactions, long CompactionsAborted, long FragmentsRebuilt,
        double Seconds, string Machine, string Commit);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "sim", "Simulates far memory clusters under faults and checks every byte.", "fathom memory sim --seeds 100000 --json",
        [Seeds.Option, FirstSeed.Option, Threads.Option, Json], terminal, RunAsync);

    private static Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var seeds = Seeds.Read(invocation.Options);
        var first = FirstSeed.Read(invocation.Options);
        var threads = Threads.Read(invocation.Options);
        var clock = Stopwatch.StartNew();
        var summary = ProgressBar.Run("Simulating", invocation.Terminal, report => MemorySimulation.Run(
            first, seeds, threads, done => report?.Invoke((double)done / seeds), cancellation));
        cancellation.ThrowIfCancellationRequested();
        Write(invocation, new Report(
            first, summary.Seeds, summary.Failures.Count, summary.Failures, summary.Events, summary.Faults, summary.SetsAcknowledged,
            summary.SpansRead, summary.SpansVerified, summary.SpansLost, summary.DegradedReads, summary.Compactions, summary.CompactionsAborted,
            summary.FragmentsRebuilt, clock.Elapsed.TotalSeconds, BenchmarkOrigin.Machine, BenchmarkOrigin.Commit));
        return summary.Failures.Count == 0
            ? Task.CompletedTask
            : throw new CommandException($"{summary.Failures.Count} of {seeds} seeds broke a promise, first: {summary.Failures[0].Violation}");
    }

    private static void Write(Invocation invocation, Report report)
    {
        var output = invocation.Terminal.Output;
        if (invocation.Options.GetValue(Json))
        {
            JsonReport.WriteIndented(output, report);
            return;
        }
        foreach (var failure in report.Failures)
            output.WriteLine(failure.Violation);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"seeds {report.Seed} to {report.Seed + (ulong)report.Seeds - 1}: {report.Failed} failed, {report.Events:N0} events, {report.Faults:N0} faults, {report.Seconds:0.0} s"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{report.SetsAcknowledged:N0} sets acknowledged, {report.SpansRead:N0} spans read, {report.SpansVerified:N0} verified at the end, {report.SpansLost:N0} rightly lost"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{report.DegradedReads:N0} degraded reads, {report.Compactions:N0} compactions, {report.CompactionsAborted:N0} cancelled, {report.FragmentsRebuilt:N0} fragments rebuilt"));
    }
}
