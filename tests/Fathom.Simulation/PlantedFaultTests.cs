using Fathom.FarMemory.Simulation;
using Xunit.Abstractions;

namespace Fathom.Simulation;

/// <summary>Mistakes made on purpose: a simulation that does not find them would find no others.</summary>
public sealed class PlantedFaultTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("SkipShadow")]
    [InlineData("AddTwice")]
    [InlineData("IgnoreGenerations")]
    [InlineData("SkipChecksums")]
    [InlineData("AcknowledgeEarly")]
    public void Simulation_WithAPlantedMistake_FindsIt(string mistake)
    {
        const int seedsMax = 2_000;
        const int batch = 100;
        var planted = Enum.Parse<PlantedFault>(mistake);
        for (ulong seed = 0; seed < seedsMax; seed += batch)
        {
            var summary = MemorySimulation.Run(seed, batch, Environment.ProcessorCount, planted);
            if (summary.Failures.Count == 0)
                continue;
            output.WriteLine(summary.Failures[0].Violation);
            return;
        }
        Assert.Fail($"{seedsMax} seeds with {mistake} broke no promise that a checker knows of.");
    }

    /// <summary>Restarted nodes that answer zeros for what they lost: the checksums of this side are enough to see through it.</summary>
    [Fact]
    public void RestartedEmpty_AnsweringZeros_IsNeverBelieved()
    {
        var summary = MemorySimulation.Run(0, 200, Environment.ProcessorCount, PlantedFault.TrustRestart);

        Assert.Empty(summary.Failures);
    }
}
