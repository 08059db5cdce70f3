using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Transports;

namespace Fathom.Simulation;

/// <summary>What each scheme costs in messages and bytes: the same on every machine.</summary>
public sealed class CounterTests
{
    [Theory]
    [InlineData(RedundancyScheme.ErasureBatch, 1)]
    [InlineData(RedundancyScheme.ErasureSplit, 4)]
    [InlineData(RedundancyScheme.ReplicationTwo, 1)]
    [InlineData(RedundancyScheme.ReplicationThree, 1)]
    [InlineData(RedundancyScheme.None, 1)]
    public void SwapIn_TakesOneRead_SplitTakesFour(RedundancyScheme scheme, int reads)
    {
        using var scenario = new Scenario(Scenario.Quiet with { Scheme = scheme });
        var span = scenario.Write()[0];

        for (var i = 0; i < 10; i++)
            scenario.Read(span);

        Assert.Equal(10 * reads, scenario.Cluster.Pool.Transport.Sent[(int)NodeOperation.Read]);
        Assert.Equal(10 * reads, scenario.Counters.FragmentReads);
        Assert.Equal(10, scenario.Counters.SpansRead);
    }

    [Theory]
    [InlineData(RedundancyScheme.ErasureBatch, 1.5)]
    [InlineData(RedundancyScheme.ErasureSplit, 1.5)]
    [InlineData(RedundancyScheme.ReplicationTwo, 2)]
    [InlineData(RedundancyScheme.ReplicationThree, 3)]
    [InlineData(RedundancyScheme.None, 1)]
    public void BytesWritten_PerByteEvicted(RedundancyScheme scheme, double bytes)
    {
        using var scenario = new Scenario(Scenario.Quiet with { Scheme = scheme });
        for (var i = 0; i < 5; i++)
            scenario.Write();

        Assert.Equal(bytes * scenario.Counters.SpanBytesWritten, scenario.Counters.FragmentBytesWritten);
    }

    [Theory]
    [InlineData(RedundancyScheme.ErasureBatch, 4)]
    [InlineData(RedundancyScheme.ErasureSplit, 4)]
    [InlineData(RedundancyScheme.ReplicationThree, 1)]
    public void DegradedRead_TakesFourFragments(RedundancyScheme scheme, int fragments)
    {
        using var scenario = new Scenario(Scenario.Quiet with { Scheme = scheme }, nodes: 6);
        var span = scenario.Write()[0];
        scenario.NodeOf(span, 0).Kill();
        // The first read may find the death out; those after it know.
        while (!scenario.Read(span).IsDegraded || scenario.Machine.Core.Roster.Get(scenario.NodeOf(span, 0).Id).Health == FarMemory.Placement.NodeHealth.Up)
        {
        }
        var (before, sentBefore) = (scenario.Counters, scenario.Cluster.Pool.Transport.Sent[(int)NodeOperation.Read]);

        scenario.Read(span);

        Assert.Equal(before.DegradedReads + 1, scenario.Counters.DegradedReads);
        Assert.Equal(before.DegradedFragments + fragments, scenario.Counters.DegradedFragments);
        Assert.Equal(sentBefore + fragments, scenario.Cluster.Pool.Transport.Sent[(int)NodeOperation.Read]);
    }

    [Fact]
    public void LiveAndAllocatedBytes_AreWhatStands()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var spans = scenario.Write();
        Assert.Equal(4L * Scenario.FragmentBytes, scenario.Counters.LiveBytes);
        Assert.Equal(6L * FarMemory.SpanSets.PoolMachine.GranuleBytes, scenario.Counters.AllocatedBytes);

        scenario.Release(spans[0]);
        Assert.Equal(3L * Scenario.FragmentBytes, scenario.Counters.LiveBytes);
        Assert.Equal(6L * FarMemory.SpanSets.PoolMachine.GranuleBytes, scenario.Counters.AllocatedBytes);

        scenario.Release(spans[1..]);
        Assert.Equal(0, scenario.Counters.LiveBytes);
        Assert.Equal(0, scenario.Counters.AllocatedBytes);
    }
}
