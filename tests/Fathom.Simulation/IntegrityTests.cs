using Fathom.FarMemory.Pool;

namespace Fathom.Simulation;

/// <summary>Flipped bits: a repaired read or a typed error, never wrong bytes.</summary>
public sealed class IntegrityTests
{
    [Fact]
    public void FlippedBitInData_ReadIsRepaired_AndTheFragmentRebuilt()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var spans = scenario.Write();
        scenario.FlipBit(spans[1], 1);

        Assert.True(scenario.Read(spans[1]) is { Status: ReadStatus.Read, IsDegraded: true });
        scenario.Settle();

        Assert.False(scenario.Read(spans[1]).IsDegraded);
        Assert.True(scenario.Counters.ChecksumFailures > 0);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void FlippedBitInAnyFragment_IsFoundByTheScrubber(int slot)
    {
        using var scenario = new Scenario(Scenario.Quiet with { ScrubIntervalUs = 1_000 });
        var spans = scenario.Write();
        scenario.FlipBit(spans[0], slot);

        scenario.Settle();

        Assert.Equal(1, scenario.Counters.FragmentsRebuilt);
        scenario.VerifyAll();
    }

    [Fact]
    public void FlippedBitInADeadSpan_IsFoundByTheScrubber_BeforeItPoisonsDecoding()
    {
        using var scenario = new Scenario(Scenario.Quiet with { ScrubIntervalUs = 1_000 });
        var spans = scenario.Write();
        scenario.Release(spans[2]);
        scenario.FlipBit(spans[0], 2);

        scenario.Settle();

        scenario.NodeOf(spans[0], 0).Kill();
        scenario.NodeOf(spans[0], 5).Kill();
        scenario.VerifyAll();
    }

    [Fact]
    public void FlippedBitsInDataAndParity_WithADeadNode_AreTypedLoss()
    {
        using var scenario = new Scenario(Scenario.Quiet);
        var spans = scenario.Write();
        scenario.FlipBit(spans[0], 0);
        scenario.FlipBit(spans[0], 4);
        scenario.NodeOf(spans[0], 1).Kill();

        Assert.Equal(ReadStatus.Lost, scenario.Read(spans[0]).Status);
        Assert.Equal(ReadStatus.Lost, scenario.Read(spans[1]).Status);
        Assert.Equal(ReadStatus.Read, scenario.Read(spans[2]).Status);
        Assert.Equal(ReadStatus.Read, scenario.Read(spans[3]).Status);
    }

    [Theory]
    [InlineData(RedundancyScheme.ReplicationTwo)]
    [InlineData(RedundancyScheme.ReplicationThree)]
    [InlineData(RedundancyScheme.ErasureSplit)]
    public void FlippedBit_InEveryOtherScheme_IsRepaired(RedundancyScheme scheme)
    {
        using var scenario = new Scenario(Scenario.Quiet with { Scheme = scheme });
        var span = scenario.Write()[0];
        scenario.FlipBit(span, 0);

        Assert.True(scenario.Read(span) is { Status: ReadStatus.Read, IsDegraded: true });
        scenario.Settle();
        Assert.False(scenario.Read(span).IsDegraded);
    }

    [Fact]
    public void FlippedBit_WithoutRedundancy_IsATypedLoss()
    {
        using var scenario = new Scenario(Scenario.Quiet with { Scheme = RedundancyScheme.None });
        var span = scenario.Write()[0];
        scenario.FlipBit(span, 0);

        Assert.Equal(ReadStatus.Lost, scenario.Read(span).Status);
    }
}
