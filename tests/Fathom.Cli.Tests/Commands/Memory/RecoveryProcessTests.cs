using Fathom.FarMemory.Hosting;
using Fathom.FarMemory.Pool;

namespace Fathom.Cli.Tests.Commands.Memory;

/// <summary>Deaths, stops and flipped bits of real node processes, until everything is redundant again.</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class RecoveryProcessTests : IDisposable
{
    private readonly CancellationTokenSource _patience = new(TimeSpan.FromSeconds(100));

    public void Dispose() => _patience.Dispose();

    [Fact]
    public async Task NodeKilled_Idle_IsRebuiltOnOthers()
    {
        await using var far = await ProcessCluster.StartAsync(7, _patience.Token);
        await far.Model.WriteSetsAsync(40);
        far.Nodes.Nodes[1].Kill();
        await far.UntilAsync(counters => counters.FragmentsRebuilt > 0);
        await far.UntilWholeAsync();
        far.Model.VerifyAll();
    }

    [Fact]
    public async Task TwoNodesKilledAtOnce_EveryByteIsThere_AndIsRebuiltOnOthers()
    {
        await using var far = await ProcessCluster.StartAsync(8, _patience.Token);
        await far.Model.WriteSetsAsync(30);
        far.Nodes.Nodes[0].Kill();
        far.Nodes.Nodes[5].Kill();
        far.Model.VerifyAll();
        await far.UntilAsync(counters => counters.FragmentsRebuilt > 0 && counters is { RebuildBacklog: 0, SpansBelowFullRedundancy: 0 });
        far.Model.VerifyAll();
    }

    [Fact]
    public async Task SecondNodeKilled_WhileTheFirstIsRebuilt_LosesNothing()
    {
        await using var far = await ProcessCluster.StartAsync(8, _patience.Token);
        await far.Model.WriteSetsAsync(200);
        far.Nodes.Nodes[2].Kill();
        await far.UntilAsync(counters => counters.FragmentsRebuilt > 0);
        far.Nodes.Nodes[6].Kill();
        far.Model.VerifyAll();
        await far.UntilWholeAsync();
        far.Model.VerifyAll();
        Assert.Empty(far.ToldLost);
    }

    [Fact]
    public async Task ThirdNodeKilled_LosesExactlyWhatItNames_AndSetsWithTwoLossesAreProtectedAgainAfterRestarts()
    {
        await using var far = await ProcessCluster.StartAsync(7, _patience.Token);
        await far.Model.WriteSetsAsync(30);
        foreach (var node in (int[])[0, 1, 2])
            far.Nodes.Nodes[node].Pause(); // so that all three are gone before anything of the first is rebuilt
        foreach (var node in (int[])[0, 1, 2])
            far.Nodes.Nodes[node].Kill();
        await far.UntilNodesAsync(nodes => nodes.Count(node => node.State == "down") == 3);

        var lost = far.Model.Spans.Where(span => far.Model.Read(span) != ReadStatus.Read).Select(span => span.Id).ToHashSet();

        Assert.NotEmpty(lost);
        await far.UntilAsync(counters => counters.SpansLost >= lost.Count);
        Assert.True(lost.SetEquals(far.ToldLost));
        // Sets with two losses are whole as soon as there are nodes again, and survive two more deaths.
        var broken = far.Model.Spans.Chunk(4).Where(set => set.Any(span => lost.Contains(span.Id))).SelectMany(set => set).Select(span => span.Id).ToHashSet();
        foreach (var id in broken)
            far.Pool.Release(id);
        far.Model.Spans.RemoveAll(span => broken.Contains(span.Id));
        Assert.NotEmpty(far.Model.Spans);
        foreach (var node in (int[])[0, 1, 2])
            await far.Nodes.RestartAsync(node, _patience.Token);
        await far.UntilNodesAsync(nodes => nodes.All(node => node.State == "up"));
        await far.UntilWholeAsync();
        far.Nodes.Nodes[4].Kill();
        far.Nodes.Nodes[5].Kill();
        far.Model.VerifyAll();
    }

    [Fact]
    public async Task ThirdNodeStopped_ThenResumed_ItsSetsAreWholeAgain()
    {
        await using var far = await ProcessCluster.StartAsync(7, _patience.Token);
        await far.Model.WriteSetsAsync(20);
        far.Nodes.Nodes[3].Pause();
        try
        {
            far.Nodes.Nodes[0].Kill();
            far.Nodes.Nodes[1].Kill();
            await far.UntilAsync(counters => counters.SpansLost > 0);
        }
        finally
        {
            far.Nodes.Nodes[3].Resume();
        }
        await far.Nodes.RestartAsync(0, _patience.Token);
        await far.Nodes.RestartAsync(1, _patience.Token);
        await far.UntilWholeAsync();
        far.Model.VerifyAll();
    }

    [Fact]
    public async Task NodeStopped_UntilItsFragmentsStandElsewhere_ThenResumed_HarmsNothing()
    {
        await using var far = await ProcessCluster.StartAsync(7, _patience.Token);
        await far.Model.WriteSetsAsync(20);
        far.Nodes.Nodes[4].Pause();
        try
        {
            for (var i = 0; i < 20; i++)
                await far.Model.WriteSetAsync(); // what was sent to it waits in its socket
            await far.UntilAsync(counters => counters.FragmentsRebuilt > 0);
            await far.UntilWholeAsync();
            far.Model.VerifyAll();
        }
        finally
        {
            far.Nodes.Nodes[4].Resume();
        }
        await far.Model.WriteSetsAsync(40); // places that it held are given to others
        far.Model.VerifyAll();
    }

    [Fact]
    public async Task NodeKilled_WhileItDrains_LeavesNothingBehind()
    {
        await using var far = await ProcessCluster.StartAsync(7, _patience.Token);
        await far.Model.WriteSetsAsync(200);
        far.Nodes.Nodes[5].Terminate();
        await far.UntilAsync(counters => counters.FragmentsRebuilt > 0);
        if (!far.Nodes.Nodes[5].HasExited)
            far.Nodes.Nodes[5].Kill();
        await far.UntilWholeAsync();
        far.Model.VerifyAll();
        await far.Model.WriteSetsAsync(5);
    }

    [Fact]
    public async Task EveryNode_RestartedInTurn_LosesNothing()
    {
        await using var far = await ProcessCluster.StartAsync(7, _patience.Token);
        await far.Model.WriteSetsAsync(20);
        for (var node = 0; node < 7; node++)
        {
            var rebuilt = far.Pool.Counters.FragmentsRebuilt;
            far.Nodes.Nodes[node].Kill();
            await far.Nodes.RestartAsync(node, _patience.Token);
            far.Model.VerifyAll();
            await far.UntilNodesAsync(nodes => nodes.All(report => report.State == "up"));
            await far.UntilAsync(counters => counters.FragmentsRebuilt > rebuilt);
            await far.UntilWholeAsync();
        }
        far.Model.VerifyAll();
        Assert.Empty(far.ToldLost);
    }

    [Fact]
    public async Task BitsFlipped_InAnyFragmentOfANode_AreRepairedOrNeverSeen()
    {
        await using var far = await ProcessCluster.StartAsync(7, _patience.Token);
        await far.Model.WriteSetsAsync(20);
        for (var i = 1; i < far.Model.Spans.Count; i += 4)
            far.Pool.Release(far.Model.Spans[i].Id); // dead ones are decoded from, too
        far.Model.Spans.RemoveAll(span => (span.Fill - 2) % 4 == 0);
        var flipped = NodeFaults.FlipBits(far.Nodes.Nodes[2].Endpoint, seed: 7, fragments: 12);
        Assert.True(flipped > 0);
        far.Model.VerifyAll();
        await far.UntilAsync(counters => counters.ChecksumFailures > 0 && counters.FragmentsRebuilt > 0);
        await far.UntilWholeAsync();
        far.Model.VerifyAll();
    }

    [Fact]
    public async Task FewerThanSixNodes_WritesAreRefused_ReadsGoOn()
    {
        await using var far = await ProcessCluster.StartAsync(6, _patience.Token);
        await far.Model.WriteSetsAsync(5);
        far.Nodes.Nodes[0].Kill();
        await far.UntilNodesAsync(nodes => nodes.Any(node => node.State == "down"));
        Assert.Equal(WriteStatus.TooFewNodes, (await far.Model.WriteSetAsync()).Status);
        far.Model.VerifyAll();
    }
}
