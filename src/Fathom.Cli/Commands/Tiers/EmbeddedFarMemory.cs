using Fathom.Cli.Commands.Memory;
using Fathom.FarMemory.BlockStore;
using Fathom.FarMemory.Hosting;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Transports;
using Microsoft.Extensions.Logging;

namespace Fathom.Cli.Commands.Tiers;

/// <summary>Far memory on this machine: six memory nodes as child processes, a pool over them, a block store over the pool.</summary>
/// <remarks>Owned by a command. A node that dies is started again, empty, and the pool rebuilds what it held.</remarks>
internal sealed class EmbeddedFarMemory : IAsyncDisposable
{
    private const int Nodes = 6;
    private const int DataNodes = 4;
    private const long RegionBytes = 64L << 20;
    // The nodes share their processors with the model: one that is slow is not dead.
    private static readonly TimeSpan NodeSilence = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);

    private readonly NodeCluster _cluster;
    private readonly RegionDirectory _directory;
    private readonly HostedFarPool _pool;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watch;

    private EmbeddedFarMemory(NodeCluster cluster, RegionDirectory directory, HostedFarPool pool, long capacityBytes, ILogger logger)
    {
        _cluster = cluster;
        _directory = directory;
        _pool = pool;
        _logger = logger;
        Store = new FarBlockStore(pool, new BlockStoreOptions { CapacityBytes = capacityBytes });
        _watch = WatchAsync();
    }

    public FarBlockStore Store { get; }

    /// <param name="capacityBytes">Bytes of blocks; the nodes take half as much again for parity, and some room to move.</param>
    /// <param name="logger">Where nodes that die are named.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<EmbeddedFarMemory> StartAsync(long capacityBytes, ILogger logger, CancellationToken cancellation)
    {
        // A sixth of what is there is spare: the pool keeps some room for compaction, and regions are rounded up.
        var nodeBytes = (capacityBytes / DataNodes * 6 / 5) + (2 * RegionBytes);
        var cluster = await NodeCluster.StartAsync(Nodes, TransportKind.SharedMemory, nodeBytes / RegionBytes * RegionBytes, cancellation);
        RegionDirectory? directory = null;
        try
        {
            directory = RegionDirectory.Start(
                new RegionDirectoryOptions
                {
                    Nodes = [.. cluster.Nodes.Select(node => node.Endpoint)],
                    RegionBytes = RegionBytes,
                    DownAfter = NodeSilence,
                    LeaseTime = Lease,
                },
                logger);
            var pool = HostedFarPool.Open(
                new FarPoolOptions
                {
                    // With two nodes gone there are none to spare: sets are written without their parity until the nodes are back.
                    DegradedWriteMissingMax = Nodes - DataNodes,
                    HedgeAfterUs = 20_000,
                    RequestTimeoutUs = 1_000_000,
                    DownAfterUs = (long)NodeSilence.TotalMicroseconds,
                },
                directory, logger);
            return new EmbeddedFarMemory(cluster, directory, pool, capacityBytes, logger);
        }
        catch
        {
            if (directory is not null)
                await directory.DisposeAsync();
            cluster.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watch;
        Store.Dispose();
        await _pool.DisposeAsync();
        await _directory.DisposeAsync();
        _cluster.Dispose();
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        try
        {
            using var look = new PeriodicTimer(LookInterval);
            while (await look.WaitForNextTickAsync(_stop.Token))
            {
                for (var i = 0; i < Nodes; i++)
                {
                    if (!_cluster.Nodes[i].HasExited)
                        continue;
                    _logger.MemoryNodeRestarts(i + 1);
                    await RestartAsync(i);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // the end of the command
        }
    }

    private async Task RestartAsync(int index)
    {
        try
        {
            await _cluster.RestartAsync(index, _stop.Token);
        }
        catch (CommandLine.CommandException failure)
        {
            _logger.MemoryNodeDidNotStart(index + 1, failure.Message);
        }
    }
}
