using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;

namespace Fathom.Cli.Commands.Memory;

/// <summary>`fathom memory-node`: one memory node until SIGTERM, then a drain.</summary>
internal static class MemoryNodeCommand
{
    private static readonly Setting<string?> Listen = Settings.RequiredText("--listen", "ADDR", "Where it listens: HOST:PORT, unix:PATH or shm:PATH.");
    private static readonly Setting<int> Node = Settings.Integer("--node", "Its id: its place in the directory's list of nodes.", 1, 1, ushort.MaxValue);
    private static readonly Setting<int> DrainSeconds = Settings.Integer("--drain-seconds", "Time to move its regions away after SIGTERM.", 60, 0, 86_400);
    private static readonly Option<bool> AllowFaults = new("--allow-faults") { Description = "Obeys requests to cut connections and to flip bits; for chaos runs only.", Hidden = true };

    private static readonly Option<bool> WithParent = new("--with-parent") { Description = "Ends when its standard input does.", Hidden = true };

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "memory-node", "Lends this machine's memory to compute processes.", "fathom memory-node --listen 127.0.0.1:7070 --capacity 4GiB",
        [Listen.Option, MemorySettings.Capacity.Option, Node.Option, DrainSeconds.Option, AllowFaults, WithParent, MemorySettings.LogLevelSetting.Option],
        terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var parsed = invocation.Options;
        var options = new MemoryNodeOptions
        {
            Listen = MemorySettings.ParseEndpoint(Listen.Name, Listen.ReadRequired(parsed)),
            Node = new NodeId((ushort)Node.Read(parsed)),
            CapacityBytes = MemorySettings.Capacity.Read(parsed) ?? 1L << 30,
            DrainTime = TimeSpan.FromSeconds(DrainSeconds.Read(parsed)),
            AllowsFaults = parsed.GetValue(AllowFaults),
        };
        using var loggers = MemorySettings.CreateLoggers(MemorySettings.LogLevelSetting.Read(parsed));
        using var node = MemoryNode.Start(options, loggers.CreateLogger("memory-node"));
        await invocation.Terminal.Output.WriteLineAsync(
            $"Memory node {options.Node.Value} lends {ByteSize.Format(options.CapacityBytes)} on {node.Endpoint}");
        await invocation.Terminal.Output.FlushAsync(CancellationToken.None);
        if (parsed.GetValue(WithParent) && !await MemorySettings.StoppedBeforeInputEnded(cancellation))
            return; // nobody is left to move anything away for
        await MemorySettings.WaitForStop(cancellation);
        if (!await node.DrainAsync(TimeProvider.System, CancellationToken.None))
            throw new CommandException($"memory-node: {node.RegionCount} regions were still in use when the {DrainSeconds.Read(parsed)} s to drain were over.");
    }
}
