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

    private ProcessCluster(NodeCluster nodes, RegionDirectory directory, CancellationToken patience)
    {
        Nodes = nodes;
        _directory = directory;
        _patience = patience;
        Pool = HostedFarPool.Open(new FarPoolOptions { ScrubIntervalUs = 100 }, _directory, NullLogger.Instance);
        Pool.SpanLost += ToldLost.Add;
        Model = new SpanModel(Pool);
    }

    public NodeCluster Nodes { get; }

    public HostedFarPool Pool { get; }

    public SpanModel Model { get; }

    /// <summary>Spans that the pool named as lost by itself.</summary>
    public System.Collections.Concurrent.ConcurrentBag<SpanId> ToldLost { get; } = [];

    public static async Task<ProcessCluster> StartAsync(int nodes, CancellationToken patience)
    {
        var processes = await NodeCluster.StartAsync(nodes, TransportKind.Unix, 256 << 20, patience);
        var directory = RegionDirectory.Start(
            new RegionDirectoryOptions { Nodes = [.. processes.Nodes.Select(node => node.Endpoint)], RegionBytes = 16 << 20 }, NullLogger.Instance);
        await UntilNodesAsync(directory, reports => reports.All(node => node.State == "up"), patience);
        return new ProcessCluster(processes, directory, patience);
    }

    public Task UntilWholeAsync() => UntilAsync(counters => counters is { RebuildBacklog: 0, SpansBelowFullRedundancy: 0 });

    public async Task UntilAsync(Func<PoolCounters, bool> condition)
    {
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!condition(Pool.Counters))
            await look.WaitForNextTickAsync(_patience);
    }

    /// <summary>Until the directory has seen as much.</summary>
    public Task UntilNodesAsync(Func<IReadOnlyList<NodeReport>, bool> condition) => UntilNodesAsync(_directory, condition, _patience);

    public async ValueTask DisposeAsync()
    {
        await Pool.DisposeAsync();
        await _directory.DisposeAsync();
        Nodes.Dispose();
        Model.Dispose();
    }

    private static async Task UntilNodesAsync(RegionDirectory directory, Func<IReadOnlyList<NodeReport>, bool> condition, CancellationToken patience)
    {
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!condition(directory.Report()))
            await look.WaitForNextTickAsync(patience);
    }
}
