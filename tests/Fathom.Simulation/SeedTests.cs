using System.Globalization;
using Fathom.FarMemory.Simulation;
using Xunit.Abstractions;

namespace Fathom.Simulation;

/// <summary>Ten thousand clusters under faults, each from one seed.</summary>
public sealed class SeedTests(ITestOutputHelper output)
{
    private const int Seeds = 10_000;

    [Fact]
    public void TenThousandSeeds_UnderFaultsThenHealed_KeepEveryPromise()
    {
        // FATHOM_SIMULATION_SEEDS shortens or lengthens the run; the command line has more.
        var seeds = long.Parse(Environment.GetEnvironmentVariable("FATHOM_SIMULATION_SEEDS") ?? $"{Seeds}", CultureInfo.InvariantCulture);
        output.WriteLine($"seeds 0 to {seeds - 1}");

        var summary = MemorySimulation.Run(0, seeds, Environment.ProcessorCount);

        output.WriteLine(summary.ToString());
        foreach (var failure in summary.Failures.Take(20))
            output.WriteLine(failure.Violation);
        Assert.Empty(summary.Failures);
        Assert.Equal(seeds, summary.Seeds);
        // A simulation in which nothing happens would pass as well.
        Assert.True(summary.Faults > seeds && summary.DegradedReads > seeds && summary.FragmentsRebuilt > seeds);
        Assert.True(summary.Compactions > seeds && summary.CompactionsAborted > seeds / 100);
        Assert.True(summary.SpansLost > 0);
    }

    [Fact]
    public void OneSeed_RunTwice_DoesTheSame()
    {
        for (ulong seed = 0; seed < 20; seed++)
        {
            using var first = new PoolSimulation(seed, PlantedFault.None);
            using var second = new PoolSimulation(seed, PlantedFault.None);
            var (one, other) = (first.Run(), second.Run());
            Assert.Equal(one.Events, other.Events);
            Assert.Equal(one.Counters, other.Counters);
        }
    }
}
