using Fathom.Cli.Commands.Memory;
using Fathom.FarMemory.Hosting;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Transports;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Cli.Tests.Commands.Memory;

/// <summary>Node processes, a directory and a pool in this one.</summary>
internal sealed class ProcessCluster : IAsyncDisposable
{
    private readonly RegionDirectory _directory;
    private readonly CancellationToken _patience;

    private ProcessCluster(NodeCluster nodes, CancellationToken patience)
    {
        Nodes = nodes;
        _patience = patience;
        _directory = RegionDirectory.Start(
            new RegionDirectoryOptions { Nodes = [.. nodes.Nodes.Select(node => node.Endpoint)], RegionBytes = 16 << 20 }, NullLogger.Instance);
        Pool = HostedFarPool.Open(new FarPoolOptions { ScrubIntervalUs = 100 }, _directory, NullLogger.Instance);
        Pool.SpanLost += ToldLost.Add;
        Model = new SpanModel(Pool);
    }

    public NodeCluster Nodes { get; }

    public HostedFarPool Pool { get; }

    public SpanModel Model { get; }

    /// <summary>Spans that the pool named as lost by itself.</summary>
    public System.Collections.Concurrent.ConcurrentBag<SpanId> ToldLost { get; } = [];

    public static async Task<ProcessCluster> StartAsync(int nodes, CancellationToken patience) =>
        new(await NodeCluster.StartAsync(nodes, TransportKind.Unix, 256 << 20, patience), patience);

    public Task UntilWholeAsync() => UntilAsync(counters => counters is { RebuildBacklog: 0, SpansBelowFullRedundancy: 0 });

    public async Task UntilAsync(Func<PoolCounters, bool> condition)
    {
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!condition(Pool.Counters))
            await look.WaitForNextTickAsync(_patience);
    }

    /// <summary>Until the directory has seen every node in this state.</summary>
    public async Task UntilNodesAsync(Func<IReadOnlyList<NodeReport>, bool> condition)
    {
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!condition(_directory.Report()))
            await look.WaitForNextTickAsync(_patience);
    }

    public async ValueTask DisposeAsync()
    {
        await Pool.DisposeAsync();
        await _directory.DisposeAsync();
        Nodes.Dispose();
        Model.Dispose();
    }
}
