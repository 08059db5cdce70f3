using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.Storage.KeyValue;

namespace Fathom.Cli.Commands.Kv;

/// <summary>`fathom kv check`: reads a whole store; exit 1 and what is wrong if anything is.</summary>
internal static class CheckCommand
{
    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "check", "Reads every page and record of a store.", "fathom kv check store.kv --json", [StoreArguments.StorePath, StoreArguments.Engine.Option, StoreArguments.Json], terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var path = invocation.Options.GetRequiredValue(StoreArguments.StorePath);
        var report = KeyValueStore.Check(path, StoreArguments.StoreOptions(invocation.Options), cancellation);
        if (invocation.Options.GetValue(StoreArguments.Json))
            JsonReport.WriteLine(invocation.Terminal.Output, report);
        else
            await invocation.Terminal.Output.WriteLineAsync($"{path}: sound: {report.Entries} entries in {report.Levels} levels, {report.LogEntries} in the log, checkpoint {report.Checkpoint}");
    }
}
