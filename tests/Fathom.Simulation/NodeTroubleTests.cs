using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Simulation;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;

namespace Fathom.Simulation;

/// <summary>Nodes that are stopped, slow, cut off, full, leaving or too few.</summary>
public sealed class NodeTroubleTests
{
    [Fact]
    public void NodeStoppedForTenSecondsAndResumed_ItsLateWritesAreFenced()
    {
        using var scenario = new Scenario(Scenario.Quiet, regionGranules: 32);
        var stopped = scenario.Cluster.Nodes[2];
        stopped.Pause();

        // Its mail fills with writes that are given up and placed elsewhere.
        for (var i = 0; i < 12; i++)
            scenario.End(scenario.BeginWrite());
        scenario.RunFor(10_000_000);
        scenario.Cluster.Resume(stopped);
        scenario.RunFor(50_000);
        for (var i = 0; i < 12; i++)
            scenario.End(scenario.BeginWrite());

        scenario.Settle();
        scenario.VerifyAll();
    }

    [Fact]
    public void HeldBackWrite_ArrivingAfterItsPlaceWasGivenToAnother_IsRefused()
    {
        using var scenario = new Scenario(Scenario.Quiet, nodes: 6, regionGranules: 8);
        var node = scenario.Cluster.Nodes[0];
        SimRequest? heldBack = null;
        node.Handling = request => heldBack ??= request.Operation == NodeOperation.Write ? request : null;
        scenario.Release(scenario.Write());
        SpanId[] spans;
        while (scenario.SetOf((spans = scenario.Write())[0]).Places.Single(place => place.Node.Id == node.Id).OffsetBytes != (long)heldBack!.At.Offset)
            scenario.Release(spans);

        SimReply? answer = null;
        node.Handle(heldBack, reply => answer = reply);

        Assert.Equal(WireStatus.Superseded, answer!.Status);
        scenario.Checks.CheckSets();
        scenario.VerifyAll();
    }

    [Fact]
    public void StoppedNode_ReadsGoOnWithinTheHedge_WithoutWaitingForItsTimeout()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var spans = scenario.Write();
        scenario.NodeOf(spans[0], 0).Pause();

        var startUs = scenario.Loop.NowUs;
        Assert.True(scenario.Read(spans[0]).IsDegraded);
        Assert.True(scenario.Loop.NowUs - startUs < scenario.Options.HedgeAfterUs + 1_500);

        // Once it is known, nobody waits for it at all.
        for (var i = 0; i < 3; i++)
            scenario.Read(spans[0]);
        startUs = scenario.Loop.NowUs;
        Assert.True(scenario.Read(spans[0]).IsDegraded);
        Assert.True(scenario.Loop.NowUs - startUs < 1_000);
    }

    [Fact]
    public void StoppedNodeThatReturnsInTheSameLife_IsCountedOnAgain()
    {
        using var scenario = new Scenario(Scenario.Quiet, nodes: 6);
        var spans = scenario.Write();
        var node = scenario.NodeOf(spans[0], 0);
        node.Pause();
        scenario.Read(spans[0]);
        scenario.RunFor(200_000);

        scenario.Cluster.Resume(node);
        scenario.RunFor(50_000);

        Assert.False(scenario.Read(spans[0]).IsDegraded);
        scenario.Settle();
        Assert.Equal(0, scenario.Counters.FragmentsRebuilt);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void PartitionOneWay_ReadsAndWritesGoOn(bool requestsAreLost)
    {
        using var scenario = new Scenario(Scenario.Quiet, nodes: 8);
        var spans = scenario.Write();
        var node = scenario.NodeOf(spans[0], 0);
        if (requestsAreLost)
            scenario.Cluster.Cut(scenario.Cluster.Pool, node);
        else
            scenario.Cluster.Cut(node, scenario.Cluster.Pool);

        Assert.Equal(ReadStatus.Read, scenario.Read(spans[0]).Status);
        for (var i = 0; i < 5; i++)
            scenario.Write();
        scenario.RunFor(100_000);
        scenario.Cluster.Heal(scenario.Cluster.Pool, node);
        scenario.Cluster.Heal(node, scenario.Cluster.Pool);
        scenario.RunFor(50_000);

        scenario.Settle();
        scenario.VerifyAll();
    }

    [Fact]
    public void PartitionBetweenNodes_RebuildTakesOtherSources()
    {
        using var scenario = new Scenario(Scenario.Quiet, nodes: 7);
        var spans = scenario.Write();
        var spare = scenario.Cluster.Nodes.Single(node => Enumerable.Range(0, 6).All(slot => scenario.NodeOf(spans[0], slot) != node));
        scenario.Cluster.Cut(scenario.NodeOf(spans[0], 1), spare);

        scenario.NodeOf(spans[0], 0).Kill();
        scenario.Settle();

        scenario.VerifyAll();
    }

    [Fact]
    public void SwapInRacingRebuild_EndsWithTheRightBytes()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var spans = scenario.Write();
        scenario.NodeOf(spans[0], 0).Kill();

        for (var i = 0; scenario.Counters.FragmentsRebuilt == 0; i++)
        {
            Assert.Equal(ReadStatus.Read, scenario.Read(spans[i % 4]).Status);
            Assert.True(i < 10_000);
        }
        scenario.Settle();
        Assert.False(scenario.Read(spans[0]).IsDegraded);
    }

    [Fact]
    public void FewerThanSixNodes_WriteIsRefusedWithTheNumbers()
    {
        using var scenario = new Scenario(Scenario.Quiet, nodes: 5);

        var write = scenario.BeginWrite();
        scenario.End(write);

        Assert.Equal(new WriteOutcome(WriteStatus.TooFewNodes, NodesNeeded: 6, NodesUsable: 5), write.Outcome);
        Assert.Equal(0, scenario.Counters.AllocatedBytes);
    }

    [Fact]
    public void FewerThanSixNodes_WhereAllowed_WriteIsDegradedAndSaysSo_AndIsMadeWholeLater()
    {
        using var scenario = new Scenario(Scenario.Quiet with { DegradedWriteMissingMax = 1 }, nodes: 6);
        var absent = scenario.Cluster.Nodes[3];
        absent.Kill();
        scenario.RunFor(100_000);
        scenario.Read(default);

        var write = scenario.BeginWrite();
        var spans = scenario.End(write);
        if (write.Outcome.Status == WriteStatus.Written)
        {
            // The first write after the death finds it out; the next one knows.
            write = scenario.BeginWrite();
            spans = scenario.End(write);
        }

        Assert.Equal(WriteStatus.WrittenDegraded, write.Outcome.Status);
        scenario.NodeOf(spans[0], 0).Pause();
        Assert.Equal(ReadStatus.Read, scenario.Read(spans[0]).Status);
        scenario.Cluster.Resume(scenario.NodeOf(spans[0], 0));
        scenario.Cluster.Restart(absent);
        scenario.Settle();
        Assert.Equal(0, scenario.Checks.Destroyed(scenario.SetOf(spans[0])));
    }

    [Fact]
    public void PoolExhausted_WritesEndWithNoSpace_AndGoOnAfterReleases()
    {
        using var scenario = new Scenario(Scenario.Quiet with { Compaction = CompactionMode.Remote }, regionGranules: 16);
        var spans = new List<SpanId>();
        WriteOutcome outcome;
        do
        {
            var write = scenario.BeginWrite();
            spans.AddRange(scenario.End(write));
            outcome = write.Outcome;
        }
        while (outcome.IsWritten);
        Assert.Equal(WriteStatus.NoSpace, outcome.Status);

        // Half of every set dies: no set does, so all room comes from compaction, which has kept some to work with.
        scenario.Release([.. spans.Where((_, index) => index % 4 / 2 == index / 28 % 2)]);
        scenario.RunUntil(() => scenario.Counters.Compactions > 0, 100_000);
        scenario.Settle();

        Assert.True(scenario.Counters.Compactions > 0);
        scenario.Write();
        scenario.VerifyAll();
    }

    [Fact]
    public void DrainUnderLoad_MovesEverything_AndReadsGoOn()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        for (var i = 0; i < 8; i++)
            scenario.Write();
        var leaving = scenario.Cluster.Nodes[1];

        scenario.Cluster.Pool.Run(() => scenario.Machine.OnNodeDraining(scenario.Loop.NowUs, leaving.Id));
        for (var i = 0; i < 8; i++)
        {
            var spans = scenario.Write();
            Assert.DoesNotContain(scenario.SetOf(spans[0]).Places, place => place.Node.Id == leaving.Id);
            scenario.VerifyAll();
        }
        scenario.Settle();
        scenario.RunFor(5_000);

        Assert.Equal([leaving.Id], scenario.Drained);
        leaving.Kill();
        scenario.VerifyAll();
        Assert.Equal(0, scenario.Counters.DegradedReads);
    }

    [Fact]
    public void CrashMidDrain_LeavesNothingBehind()
    {
        using var scenario = new Scenario(Scenario.Quiet with { RebuildsMax = 1 });
        for (var i = 0; i < 8; i++)
            scenario.Write();
        var leaving = scenario.Cluster.Nodes[1];

        scenario.Cluster.Pool.Run(() => scenario.Machine.OnNodeDraining(scenario.Loop.NowUs, leaving.Id));
        scenario.RunUntil(() => scenario.Counters.FragmentsRebuilt >= 2, 100_000);
        leaving.Kill();
        scenario.VerifyAll();
        scenario.Settle();

        Assert.Empty(scenario.Lost);
        scenario.VerifyAll();
    }

    [Fact]
    public void ProcessWhoseLeaseHasPassed_IsRefused_NotObeyed()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var spans = scenario.Write();
        // The directory fenced the regions while this process was stopped.
        foreach (var node in scenario.Cluster.Nodes)
        {
            foreach (var region in node.Store.Regions.Values)
                region.Epoch = new Epoch(2);
        }

        var write = scenario.BeginWrite();
        scenario.End(write);

        Assert.Equal(WriteStatus.Fenced, write.Outcome.Status);
        Assert.Equal(ReadStatus.Fenced, scenario.Read(spans[0]).Status);
        Assert.All(scenario.Cluster.Nodes, node => Assert.True(node.Store.Regions.Values.Sum(region => region.Fragments.Count) <= 1));
    }
}
