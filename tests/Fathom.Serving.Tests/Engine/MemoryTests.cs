using Fathom.Serving.Engine;
using Fathom.Serving.Tests.Simulation;

namespace Fathom.Serving.Tests.Engine;

/// <summary>Tests that measure the whole process, so that nothing else may run beside them.</summary>
[CollectionDefinition(nameof(AloneInTheProcess), DisableParallelization = true)]
public class AloneInTheProcess;

[Collection(nameof(AloneInTheProcess))]
public class MemoryTests
{
    [Fact]
    public async Task TwoThousandRequests_LeaveNothingBehind()
    {
        await using var harness = new EngineHarness(new SimulatedModel(blocks: 128));
        await RunManyAsync(harness, 0, 400);
        long before = GC.GetTotalMemory(forceFullCollection: true);

        await RunManyAsync(harness, 400, 2000);

        long grown = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.InRange(grown, long.MinValue, 300_000);
        EngineSnapshot snapshot = harness.Engine.Snapshot;
        Assert.Equal(snapshot.TotalBlocks, snapshot.FreeBlocks + snapshot.CachedBlocks);
    }

    private static async Task RunManyAsync(EngineHarness harness, int from, int to)
    {
        for (int i = from; i < to; i += 40)
            await Task.WhenAll(Enumerable.Range(i, 40).Select(seed => harness.RunAsync(EngineHarness.Request(EngineHarness.Prompt(seed, 1 + (seed % 40)), 1 + (seed % 7), seed: 1))));
    }
}
