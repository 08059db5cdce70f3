using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Simulation;
using Fathom.FarMemory.Transports;

namespace Fathom.Simulation;

/// <summary>Dead spans become room, and every code word stays one.</summary>
public sealed class CompactionTests
{
    [Theory]
    [InlineData(CompactionMode.Remote)]
    [InlineData(CompactionMode.Local)]
    public void TwoHalfDeadSets_BecomeOne_ForFourSpanTransfers(CompactionMode mode)
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var (first, second) = WriteComplementaryPair(scenario);
        var allocated = scenario.Counters.AllocatedBytes;

        scenario.Machine.Compaction = mode;
        scenario.Settle();

        Assert.Equal(1, scenario.Counters.Compactions);
        Assert.Equal(4, scenario.Counters.CompactionTransfers);
        Assert.Equal(allocated / 2, scenario.Counters.AllocatedBytes);
        Assert.Equal(scenario.SetOf(first[0]), scenario.SetOf(second[0]));
        scenario.VerifyAll();
    }

    [Fact]
    public void RemoteCompaction_MovesNothingThroughThisProcess()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        WriteComplementaryPair(scenario);
        var sent = scenario.Cluster.Pool.Transport.Sent;

        scenario.Machine.Compaction = CompactionMode.Remote;
        scenario.Settle();

        Assert.Equal(0, sent[(int)NodeOperation.Delta] + sent[(int)NodeOperation.ParityUpdate]);
        Assert.Equal(2, sent[(int)NodeOperation.SendDelta]);
        Assert.Equal(4, scenario.Cluster.Nodes.Sum(node => node.ParityUpdates));
    }

    [Fact]
    public void LiveSpans_DoNotMove()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var (first, second) = WriteComplementaryPair(scenario);
        var live = first.Concat(second).ToArray();
        var before = live.Select(span => scenario.SetOf(span).Places[scenario.SlotOf(span)]).ToList();

        scenario.Machine.Compaction = CompactionMode.Remote;
        scenario.Settle();

        Assert.Equal(before, live.Select(span => scenario.SetOf(span).Places[scenario.SlotOf(span)]));
    }

    [Theory]
    [InlineData(CompactionMode.Remote)]
    [InlineData(CompactionMode.Local)]
    public void AfterCompaction_AnyTwoNodesMayDie(CompactionMode mode)
    {
        for (var one = 0; one < 6; one++)
        {
            for (var other = one + 1; other < 6; other++)
            {
                using var scenario = new Scenario(Scenario.Quiet);
                var (first, _) = WriteComplementaryPair(scenario);
                scenario.Machine.Compaction = mode;
                scenario.Settle();

                scenario.NodeOf(first[0], one).Kill();
                scenario.NodeOf(first[0], other).Kill();

                scenario.VerifyAll();
            }
        }
    }

    [Fact]
    public void RetriedDelta_IsAppliedOnce()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var (_, _) = WriteComplementaryPair(scenario);
        scenario.Cluster.Network.Faults = new NetworkFaults { DuplicateRate = 1 };

        scenario.Machine.Compaction = CompactionMode.Remote;
        scenario.RunUntil(() => scenario.Counters.Compactions == 1, 100_000);
        scenario.Cluster.Network.Faults = new NetworkFaults();
        scenario.Settle();

        Assert.True(scenario.Cluster.Nodes.Sum(node => node.ParityUpdates) > 4);
        scenario.VerifyAll();
    }

    [Fact]
    public void SwapInRacingCompaction_EndsWithTheRightBytes()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var (first, second) = WriteComplementaryPair(scenario);
        var spans = first.Concat(second).ToArray();
        scenario.Machine.Compaction = CompactionMode.Remote;
        // One read after another while the transaction goes through its phases, the commit among them.
        for (var i = 0; scenario.Counters.Compactions == 0; i++)
        {
            Assert.Equal(ReadStatus.Read, scenario.Read(spans[i % spans.Length]).Status);
            Assert.True(i < 10_000);
        }
        scenario.Settle();
        scenario.VerifyAll();
    }

    [Fact]
    public void DegradedReadRacingCompaction_EndsWithTheRightBytes()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var (first, _) = WriteComplementaryPair(scenario);
        var flipped = false;
        scenario.Machine.Compaction = CompactionMode.Remote;
        foreach (var node in scenario.Cluster.Nodes)
        {
            node.Handling = request =>
            {
                if (request.Operation != NodeOperation.Commit || flipped)
                    return;
                flipped = true;
                scenario.FlipBit(first[0], scenario.SlotOf(first[0]));
            };
        }
        scenario.RunUntil(() => flipped, 100_000);

        Assert.Equal(ReadStatus.Read, scenario.Read(first[0]).Status);
        scenario.Settle();
        scenario.VerifyAll();
    }

    [Fact]
    public void FlippedBitInADeadSpan_StopsTheCompactionAndIsRepaired()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var (first, second) = WriteComplementaryPair(scenario);
        var set = scenario.SetOf(first[0]);
        scenario.FlipBit(first[0], Enumerable.Range(0, 4).First(slot => (set.DeadMask >> slot & 1) != 0));

        scenario.Machine.Compaction = CompactionMode.Remote;
        scenario.RunUntil(() => scenario.Counters.Compactions == 1, 500_000);
        scenario.Settle();

        // The repaired bytes went into the new parity: any two nodes can be spared again.
        scenario.NodeOf(first[0], 0).Kill();
        scenario.NodeOf(second[0], 1).Kill();
        scenario.VerifyAll();
    }

    [Fact]
    public void ModeSwitch_WhileCompactionsRun_EndsThemAsTheyBegan()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        for (var pair = 0; pair < 4; pair++)
            WriteComplementaryPair(scenario);

        scenario.Machine.Compaction = CompactionMode.Remote;
        scenario.RunUntil(() => scenario.Machine.CompactionsActive > 0, 10_000);
        scenario.Machine.Compaction = CompactionMode.Local;
        scenario.Settle();

        Assert.Equal(4, scenario.Counters.Compactions);
        scenario.VerifyAll();
    }

    [Fact]
    public void DisjointPairs_AreCompactedInParallel()
    {
        using var scenario = new Scenario(Scenario.Quiet with { CompactionsMax = 3 });
        for (var pair = 0; pair < 4; pair++)
            WriteComplementaryPair(scenario);

        scenario.Machine.Compaction = CompactionMode.Remote;
        scenario.RunUntil(() => scenario.Machine.CompactionsActive == 3, 10_000);
        scenario.Settle();

        Assert.Equal(4, scenario.Counters.Compactions);
    }

    /// <summary>Two sets of one layout: of the first slots 0 and 1 live, of the second slots 2 and 3.</summary>
    internal static (SpanId[] First, SpanId[] Second) WriteComplementaryPair(Scenario scenario)
    {
        var first = scenario.Write();
        // Layouts go round: after as many sets as there are nodes the first one comes again.
        var fillers = new List<SpanId>();
        SpanId[] second;
        while (true)
        {
            second = scenario.Write();
            if (Enumerable.Range(0, 6).All(slot => scenario.NodeOf(first[0], slot) == scenario.NodeOf(second[0], slot)))
                break;
            fillers.AddRange(second);
            Assert.True(fillers.Count < 400);
        }
        scenario.Release([.. fillers]);
        scenario.Release(first[2], first[3], second[0], second[1]);
        return ([first[0], first[1]], [second[2], second[3]]);
    }
}
