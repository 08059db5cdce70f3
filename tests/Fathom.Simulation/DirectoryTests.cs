using Xunit.Abstractions;

namespace Fathom.Simulation;

/// <summary>
/// The region directory: killed during an allotment, replaced, restarted, stale; compute processes killed or stopped beyond their lease.
/// </summary>
public sealed class DirectoryTests(ITestOutputHelper output)
{
    [Fact]
    public void DirectoriesAndProcessesThatDieAndComeBack_NeverShareARegion()
    {
        const int seeds = 60;
        int accepted = 0, refused = 0, stale = 0;
        for (ulong seed = 0; seed < seeds; seed++)
        {
            output.WriteLine($"seed {seed}");
            using var simulation = new DirectorySimulation(seed);
            simulation.Run(steps: 150);
            accepted += simulation.Accepted;
            refused += simulation.Refused;
            stale += simulation.StaleRefused;
        }
        output.WriteLine($"{accepted} writes accepted, {refused} refused, {stale} acts of replaced directories refused");
        // A simulation in which nothing happens would pass as well.
        Assert.True(accepted > seeds, $"{accepted} writes accepted");
        Assert.True(refused > 0, "no write of a process that lost its lease");
        Assert.True(stale > seeds, $"{stale} acts of replaced directories");
    }
}
