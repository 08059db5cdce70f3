using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;

namespace Fathom.Cli.Commands.Kv;

/// <summary>`fathom kv stat`: what a store holds and uses.</summary>
internal static class StatCommand
{
    private sealed record Report(
        string Path, string Keys, int PageBytes, int Levels, long TreeEntries, int TableEntries, long RecordBytes, long FileBytes, ulong Checkpoint, ulong LogSegment, long LogBytes,
        string Engine, string EngineReason);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "stat", "Shows what a store holds and uses.", "fathom kv stat store.kv --json", [StoreArguments.StorePath, StoreArguments.Engine.Option, StoreArguments.Json], terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        using var store = StoreArguments.Open(invocation.Options);
        var statistics = store.Statistics();
        var report = new Report(
            store.Path, store.Kind.ToString().ToLowerInvariant(), statistics.PageBytes, statistics.Levels, statistics.TreeEntries, statistics.TableEntries, statistics.RecordBytes,
            statistics.FileBytes, statistics.Checkpoint, statistics.LogSegment, statistics.LogBytes, statistics.Engine.Kind.ToString().ToLowerInvariant(), statistics.Engine.Reason);
        if (invocation.Options.GetValue(StoreArguments.Json))
        {
            JsonReport.WriteLine(invocation.Terminal.Output, report);
            return;
        }
        await invocation.Terminal.Output.WriteLineAsync(
            $"{report.Path}: {report.Keys} keys, pages of {report.PageBytes} B, {report.Levels} levels, {report.TreeEntries} entries, {report.TableEntries} in the log, "
            + $"{ByteSize.Format(report.RecordBytes)} of values in {ByteSize.Format(report.FileBytes)}, checkpoint {report.Checkpoint}; engine {report.Engine} ({report.EngineReason})");
    }
}
