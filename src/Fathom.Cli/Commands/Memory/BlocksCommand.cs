using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.FarMemory.BlockStore;
using Fathom.FarMemory.BlockStore.Remote;
using Fathom.FarMemory.Hosting;
using Fathom.FarMemory.Pool;
using Microsoft.Extensions.Logging;

namespace Fathom.Cli.Commands.Memory;

/// <summary>`fathom memory blocks`: a block store over memory nodes that several servers share.</summary>
internal static class BlocksCommand
{
    private const int DataNodes = 4;

    private static readonly Setting<string?> Listen = Settings.RequiredText("--listen", "ADDR", "Where it listens: HOST:PORT or unix:PATH.");
    private static readonly Setting<string?> Directory = Settings.Text("--directory", "ADDR", "Region directory of nodes that run already; without it the command starts its own.");
    private static readonly Setting<long?> Capacity = Settings.Bytes("--capacity", "Bytes of blocks that it keeps; the nodes take half as much again for parity.", "4GiB");

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "blocks", "Keeps KV blocks in far memory for several servers: what one has computed is a hit for the others.",
        "fathom memory blocks --listen 10.0.0.1:7100 --directory 10.0.0.1:7000 --capacity 16GiB",
        [
            Listen.Option, Directory.Option, Capacity.Option, MemorySettings.Nodes.Option, MemorySettings.Transport.Option, MemorySettings.Scheme.Option,
            MemorySettings.RegionSize.Option, MemorySettings.LogLevelSetting.Option,
        ],
        terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var parsed = invocation.Options;
        var (scheme, compaction) = MemorySettings.Scheme.Read(parsed);
        // With nodes gone that nobody replaces, sets are written without some of their parity until the nodes are back.
        var options = new FarPoolOptions { Scheme = scheme, Compaction = compaction };
        options = options with { DegradedWriteMissingMax = scheme == RedundancyScheme.ErasureBatch ? options.ParityFragments : 0 };
        using var loggers = MemorySettings.CreateLoggers(MemorySettings.LogLevelSetting.Read(parsed));
        var logger = loggers.CreateLogger("memory-blocks");
        if (Directory.Read(parsed) is { } address)
        {
            await using var pool = HostedFarPool.Open(options, MemorySettings.ParseEndpoint(Directory.Name, address), logger);
            await ServeAsync(invocation, pool, logger, cancellation);
            return;
        }
        var regionBytes = MemorySettings.RegionSize.Read(parsed) ?? 64L << 20;
        var nodeBytes = (CapacityOf(parsed) / DataNodes * 6 / 5 / regionBytes * regionBytes) + (2 * regionBytes);
        using var cluster = await NodeCluster.StartAsync(MemorySettings.Nodes.Read(parsed), MemorySettings.Transport.Read(parsed), nodeBytes, cancellation);
        await using var directory = RegionDirectory.Start(
            new RegionDirectoryOptions { Nodes = [.. cluster.Nodes.Select(node => node.Endpoint)], RegionBytes = regionBytes }, logger);
        await using var own = HostedFarPool.Open(options, directory, logger);
        await ServeAsync(invocation, own, logger, cancellation);
    }

    private static async Task ServeAsync(Invocation invocation, HostedFarPool pool, ILogger logger, CancellationToken cancellation)
    {
        var capacity = CapacityOf(invocation.Options);
        using var store = new FarBlockStore(pool, new BlockStoreOptions { CapacityBytes = capacity, TransfersMax = 32 });
        using var server = BlockServer.Start(MemorySettings.ParseEndpoint(Listen.Name, Listen.ReadRequired(invocation.Options)), store, logger);
        await invocation.Terminal.Output.WriteLineAsync($"Block store of {ByteSize.Format(capacity)} on {server.Endpoint}");
        await invocation.Terminal.Output.FlushAsync(CancellationToken.None);
        await MemorySettings.WaitForStop(cancellation);
    }

    private static long CapacityOf(ParseResult parsed) => Capacity.Read(parsed) ?? 4L << 30;
}
