using Fathom.FarMemory.Hosting;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Transports;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.FarMemory.Tests.Hosting;

/// <summary>Memory nodes on real sockets, a region directory and a pool, all in this process.</summary>
internal sealed class LocalCluster : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("fathom-cluster").FullName;

    public LocalCluster(TransportKind transport, int nodes = 7, FarPoolOptions? options = null, long capacityBytes = 256 << 20, TimeSpan? lease = null)
    {
        for (var i = 1; i <= nodes; i++)
        {
            var listen = new NodeEndpoint(transport, transport == TransportKind.Tcp ? "127.0.0.1:0" : Path.Combine(_folder, $"{i}.sock"));
            Nodes.Add(MemoryNode.Start(new MemoryNodeOptions { Listen = listen, Node = new NodeId((ushort)i), CapacityBytes = capacityBytes }, NullLogger.Instance));
        }
        DirectoryOptions = new RegionDirectoryOptions
        {
            Nodes = [.. Nodes.Select(node => node.Endpoint)],
            RegionBytes = 16 << 20,
            StatePath = Path.Combine(_folder, "directory"),
            LeaseTime = lease ?? TimeSpan.FromSeconds(30),
        };
        Directory = RegionDirectory.Start(DirectoryOptions, NullLogger.Instance);
        Pool = HostedFarPool.Open(options ?? new FarPoolOptions(), Directory, NullLogger.Instance);
    }

    public List<MemoryNode> Nodes { get; } = [];

    public RegionDirectoryOptions DirectoryOptions { get; }

    public RegionDirectory Directory { get; set; }

    public HostedFarPool Pool { get; set; }

    /// <summary>The same node again, empty, where it was.</summary>
    public void Restart(int index) => Nodes[index] = MemoryNode.Start(
        new MemoryNodeOptions { Listen = Nodes[index].Endpoint, Node = new NodeId((ushort)(index + 1)), CapacityBytes = 256 << 20 }, NullLogger.Instance);

    /// <summary>Waits until the counters say so; never longer than the test's patience.</summary>
    public async Task Until(Func<PoolCounters, bool> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!condition(Pool.Counters))
            await look.WaitForNextTickAsync(patience.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await Pool.DisposeAsync();
        await Directory.DisposeAsync();
        foreach (var node in Nodes)
            node.Dispose();
        System.IO.Directory.Delete(_folder, recursive: true);
    }
}
