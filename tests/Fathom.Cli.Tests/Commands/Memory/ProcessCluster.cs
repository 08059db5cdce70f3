using Fathom.Cli.Commands.Memory;
using Fathom.FarMemory.Hosting;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Transports;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Cli.Tests.Commands.Memory;

/// <summary>A cluster of node processes, a pool over it and what was written to it.</summary>
internal sealed class ProcessCluster : IAsyncDisposable
{
    private readonly LocalCluster _cluster;
    private readonly CancellationToken _patience;

    private ProcessCluster(LocalCluster cluster, CancellationToken patience)
    {
        _cluster = cluster;
        _patience = patience;
        Pool = cluster.OpenPool(new FarPoolOptions { ScrubIntervalUs = 100 }, shape: null);
        Pool.SpanLost += ToldLost.Add;
        Model = new SpanModel(Pool);
    }

    public NodeCluster Nodes => _cluster.Nodes;

    public HostedFarPool Pool { get; }

    public SpanModel Model { get; }

    /// <summary>Spans that the pool named as lost by itself.</summary>
    public System.Collections.Concurrent.ConcurrentBag<SpanId> ToldLost { get; } = [];

    public static async Task<ProcessCluster> StartAsync(int nodes, CancellationToken patience) =>
        new(await LocalCluster.StartAsync(nodes, TransportKind.Unix, 256 << 20, 16 << 20, NullLogger.Instance, patience), patience);

    public Task UntilWholeAsync() => UntilAsync(counters => counters is { RebuildBacklog: 0, SpansBelowFullRedundancy: 0 });

    public async Task UntilAsync(Func<PoolCounters, bool> condition)
    {
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!condition(Pool.Counters))
            await look.WaitForNextTickAsync(_patience);
    }

    /// <summary>Until the directory has seen as much.</summary>
    public Task UntilNodesAsync(Func<IReadOnlyList<NodeReport>, bool> condition) => _cluster.UntilNodesAsync(condition, _patience);

    public async ValueTask DisposeAsync()
    {
        await Pool.DisposeAsync();
        await _cluster.DisposeAsync();
        Model.Dispose();
    }
}
