using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.FarMemory.Hosting;

namespace Fathom.Cli.Commands.Memory;

/// <summary>`fathom memory manager`: the region directory as a process of its own.</summary>
internal static class ManagerCommand
{
    private static readonly Setting<string?> Listen = Settings.RequiredText("--listen", "ADDR", "Where it listens: HOST:PORT or unix:PATH.");
    private static readonly Setting<string?> Nodes = Settings.RequiredText("--node-addresses", "ADDR,…", "Where the memory nodes listen; their ids are their places in this list, from 1.");
    private static readonly Setting<string?> State = Settings.Text("--state", "FILE", "File that keeps who owns what across restarts.");

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "manager", "Allots regions of memory nodes to compute processes and watches both.",
        "fathom memory manager --listen 127.0.0.1:7000 --node-addresses 127.0.0.1:7071,127.0.0.1:7072 --state regions.log",
        [Listen.Option, Nodes.Option, State.Option, MemorySettings.LeaseSeconds.Option, MemorySettings.RegionSize.Option, MemorySettings.LogLevelSetting.Option],
        terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var parsed = invocation.Options;
        var options = new RegionDirectoryOptions
        {
            Nodes = [.. Nodes.ReadRequired(parsed).Split(',').Select(text => MemorySettings.ParseEndpoint(Nodes.Name, text.Trim()))],
            StatePath = State.Read(parsed),
            LeaseTime = TimeSpan.FromSeconds(MemorySettings.LeaseSeconds.Read(parsed)),
            RegionBytes = MemorySettings.RegionSize.Read(parsed) ?? 64L << 20,
        };
        var listen = MemorySettings.ParseEndpoint(Listen.Name, Listen.ReadRequired(parsed));
        using var loggers = MemorySettings.CreateLoggers(MemorySettings.LogLevelSetting.Read(parsed));
        var logger = loggers.CreateLogger("memory-manager");
        await using var directory = RegionDirectory.Start(options, logger);
        using var server = DirectoryServer.Start(listen, directory, logger);
        await invocation.Terminal.Output.WriteLineAsync($"Region directory of {options.Nodes.Count} nodes, term {directory.Term}, on {server.Endpoint}");
        await invocation.Terminal.Output.FlushAsync(CancellationToken.None);
        await MemorySettings.WaitForStop(cancellation);
    }
}
