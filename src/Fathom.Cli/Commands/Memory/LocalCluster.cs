using Fathom.FarMemory.Hosting;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Transports;
using Microsoft.Extensions.Logging;

namespace Fathom.Cli.Commands.Memory;

/// <summary>Memory nodes as child processes and a region directory over them in this one.</summary>
internal sealed class LocalCluster : IAsyncDisposable
{
    private readonly RegionDirectory _directory;
    private readonly ILogger _logger;

    private LocalCluster(NodeCluster nodes, long regionBytes, ILogger logger)
    {
        Nodes = nodes;
        _logger = logger;
        _directory = RegionDirectory.Start(
            new RegionDirectoryOptions { Nodes = [.. nodes.Nodes.Select(node => node.Endpoint)], RegionBytes = regionBytes }, logger);
    }

    public NodeCluster Nodes { get; }

    public static async Task<LocalCluster> StartAsync(
        int nodes, TransportKind transport, long capacityBytes, long regionBytes, ILogger logger, CancellationToken cancellation)
    {
        var cluster = new LocalCluster(await NodeCluster.StartAsync(nodes, transport, capacityBytes, cancellation), regionBytes, logger);
        try
        {
            await cluster.MendAsync(cancellation);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public HostedFarPool OpenPool(FarPoolOptions options, NetworkShape? shape) => HostedFarPool.Open(options, _directory, _logger, shape);

    /// <summary>Runs every node again and waits until the directory has seen all of them.</summary>
    public async Task MendAsync(CancellationToken cancellation)
    {
        for (var node = 0; node < Nodes.Nodes.Count; node++)
        {
            if (Nodes.Nodes[node].HasExited)
                await Nodes.RestartAsync(node, cancellation);
        }
        await UntilNodesAsync(nodes => nodes.All(node => node.State == "up"), cancellation);
    }

    /// <summary>Until the directory has seen as much of its nodes.</summary>
    public async Task UntilNodesAsync(Func<IReadOnlyList<NodeReport>, bool> condition, CancellationToken cancellation)
    {
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!condition(_directory.Report()))
            await look.WaitForNextTickAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _directory.DisposeAsync();
        Nodes.Dispose();
    }
}
