using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Transports;

namespace Fathom.Simulation;

/// <summary>Dead memory nodes: each line of the design's list of what must survive, at the moment that it names.</summary>
public sealed class NodeDeathTests
{
    [Fact]
    public void NodeKilledIdle_SpansAreReadByDecoding_ThenRebuilt()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var spans = scenario.Write();

        scenario.NodeOf(spans[0], 0).Kill();
        var read = scenario.Read(spans[0]);

        Assert.True(read is { Status: ReadStatus.Read, IsDegraded: true });
        scenario.Settle();
        Assert.False(scenario.Read(spans[0]).IsDegraded);
        scenario.VerifyAll();
    }

    [Fact]
    public void NodeKilled_RefusesConnections_AndIsRebuiltBeforeItsSilenceCounts()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var spans = scenario.Write();

        scenario.NodeOf(spans[0], 0).Kill();

        scenario.RunUntil(() => scenario.Counters.FragmentsRebuilt > 0, scenario.Options.DownAfterUs / 2);
        scenario.Settle();
        scenario.VerifyAll();
    }

    [Fact]
    public void NodeKilledDuringSwapIn_ReadEndsWithTheRightBytes()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var spans = scenario.Write();

        var read = scenario.BeginRead(spans[2]);
        scenario.NodeOf(spans[2], 2).Kill();

        Assert.True(scenario.End(read) is { Status: ReadStatus.Read, IsDegraded: true });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public void NodeKilledAfterSomeOfSixWrites_SetIsAcknowledgedOnSixOthers(int writesBefore)
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var seen = 0;
        foreach (var node in scenario.Cluster.Nodes)
        {
            node.Handling = request =>
            {
                if (request.Operation == NodeOperation.Write && ++seen == writesBefore + 1)
                    node.Kill();
            };
        }

        var spans = scenario.End(scenario.BeginWrite());

        Assert.Equal(4, spans.Length);
        Assert.Equal(0, scenario.Checks.Destroyed(scenario.SetOf(spans[0])));
        scenario.VerifyAll();
    }

    [Theory]
    [InlineData(CompactionMode.Remote)]
    [InlineData(CompactionMode.Local)]
    public void NodeKilledBetweenTwoParityUpdates_OldCodeWordsStayWhole(CompactionMode mode) =>
        KillInCompaction(mode, NodeOperation.ParityUpdate, occurrence: 2);

    [Theory]
    [InlineData(CompactionMode.Remote)]
    [InlineData(CompactionMode.Local)]
    public void NodeKilledBetweenPrepareAndCommit_NothingIsLost(CompactionMode mode) => KillInCompaction(mode, NodeOperation.Commit, occurrence: 1);

    [Fact]
    public void NodeKilledBetweenTwoCommits_NothingIsLost() => KillInCompaction(CompactionMode.Remote, NodeOperation.Commit, occurrence: 2);

    [Fact]
    public void TwoNodesAtOnce_EverySpanIsRead_ThenRebuilt()
    {
        using var scenario = new Scenario(Scenario.Quiet, nodes: 8);
        var spans = scenario.Write();

        scenario.NodeOf(spans[0], 0).Kill();
        scenario.NodeOf(spans[0], 1).Kill();

        scenario.VerifyAll();
        scenario.Settle();
        scenario.VerifyAll();
        Assert.Empty(scenario.Lost);
    }

    [Fact]
    public void ThirdNode_LosesExactlyTheSpansOfItsSets()
    {
        using var scenario = new Scenario(Scenario.Quiet, nodes: 12);
        var sets = Enumerable.Range(0, 6).Select(_ => scenario.Write()).ToList();
        var victim = sets[0];
        var dead = new[] { 0, 1, 4 }.Select(slot => scenario.NodeOf(victim[0], slot)).ToList();

        foreach (var node in dead)
            node.Kill();
        // What the nodes hold decides what is lost, whatever the pool thinks.
        var expected = scenario.Checks.TrulyLost();
        scenario.RunFor(200_000);

        Assert.Contains(victim[0], expected);
        Assert.Contains(victim[1], expected);
        Assert.Equal(expected.OrderBy(span => span.Value), scenario.Lost.OrderBy(span => span.Value));
        foreach (var span in sets.SelectMany(set => set))
            Assert.Equal(expected.Contains(span) ? ReadStatus.Lost : ReadStatus.Read, scenario.Read(span).Status);
    }

    [Fact]
    public void SecondDeathDuringRebuild_IsRebuiltFromOthers()
    {
        using var scenario = new Scenario(Scenario.Quiet, nodes: 9);
        var spans = scenario.Write();
        var second = scenario.NodeOf(spans[0], 1);
        second.Handling = request =>
        {
            // The rebuild of the first pulls from the second.
            if (request.Operation == NodeOperation.Read)
                second.Kill();
        };

        scenario.NodeOf(spans[0], 0).Kill();
        scenario.Settle();

        scenario.VerifyAll();
        Assert.Empty(scenario.Lost);
    }

    [Fact]
    public void RebuildTargetDeath_IsRebuiltElsewhere()
    {
        using var scenario = new Scenario(Scenario.Quiet, nodes: 9);
        var spans = scenario.Write();
        var killed = 0;
        foreach (var node in scenario.Cluster.Nodes)
        {
            node.Handling = request =>
            {
                if (request.Operation == NodeOperation.Pull && killed++ == 0)
                    node.Kill();
            };
        }

        scenario.NodeOf(spans[0], 0).Kill();
        scenario.RunFor(60_000);
        scenario.Settle();

        Assert.True(killed > 1);
        scenario.VerifyAll();
    }

    [Fact]
    public void DeathOfANodeThatHoldsOnlyDeadSpans_DeadBytesStayMembersOfTheCodeWord()
    {
        using var scenario = new Scenario(Scenario.Quiet, nodes: 9);
        var spans = scenario.Write();
        var holdsDead = scenario.NodeOf(spans[1], 1);
        scenario.Release(spans[1]);

        holdsDead.Kill();
        scenario.NodeOf(spans[0], 0).Kill();

        // Without the dead fragment's place in the code word the other two losses could not be made good.
        Assert.True(scenario.Read(spans[0]).IsDegraded);
        scenario.Settle();
        scenario.VerifyAll();
    }

    [Fact]
    public void RestartEmptyOnTheSameAddress_IsNeverTrustedAsZeros()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var spans = scenario.Write();
        var node = scenario.NodeOf(spans[3], 3);

        node.Kill();
        node.Restart();
        var read = scenario.Read(spans[3]);

        Assert.True(read is { Status: ReadStatus.Read, IsDegraded: true });
        scenario.Settle();
        scenario.VerifyAll();
    }

    [Fact]
    public void RollingRestartOfAllNodes_WithAPauseToRebuild_LosesNothing()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        for (var set = 0; set < 10; set++)
            scenario.Write();

        foreach (var node in scenario.Cluster.Nodes)
        {
            node.Kill();
            scenario.RunFor(10_000);
            scenario.Cluster.Restart(node);
            scenario.RunFor(20_000);
            scenario.Settle();
        }

        Assert.Empty(scenario.Lost);
        scenario.VerifyAll();
    }

    private static void KillInCompaction(CompactionMode mode, NodeOperation operation, int occurrence)
    {
        using var scenario = new Scenario(Scenario.Quiet, nodes: 7);
        var (first, second) = CompactionTests.WriteComplementaryPair(scenario);
        var seen = 0;
        foreach (var node in scenario.Cluster.Nodes)
        {
            node.Handling = request =>
            {
                if (request.Operation == operation && ++seen == occurrence)
                    node.Kill();
            };
        }

        scenario.Machine.Compaction = mode;
        scenario.RunUntil(() => seen >= occurrence, 100_000);
        // With one node dead, and with the pool not knowing yet, every byte can be had.
        scenario.VerifyAll();
        scenario.Settle();

        Assert.Equal(4, first.Length + second.Length);
        Assert.Empty(scenario.Lost);
        scenario.VerifyAll();
    }
}
