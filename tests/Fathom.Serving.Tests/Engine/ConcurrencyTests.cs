using Fathom.Serving.Engine;
using Fathom.Serving.Requests;
using Fathom.Serving.Tests.Simulation;

namespace Fathom.Serving.Tests.Engine;

public class ConcurrencyTests
{
    [Fact]
    public async Task SixtyFourStreams_HalfOfThemCut_TheOthersComplete()
    {
        var model = new SimulatedModel(blocks: 220);
        await using var harness = new EngineHarness(model, new ServingOptions { TokenBudget = 128, PrefixCaching = false });
        var random = new Random(64);
        (GenerationRequest Request, int? CutAfter)[] clients =
        [
            .. Enumerable.Range(0, 64).Select(i => (
                EngineHarness.Request(EngineHarness.Prompt(i, 5 + random.Next(80)), 60 + random.Next(60), seed: (ulong)i),
                i % 2 == 0 ? (int?)random.Next(50) : null)),
        ];
        // Whole ones alone first: what the others must not disturb.
        int[][] alone = new int[64][];
        for (int i = 1; i < 64; i += 2)
            alone[i] = (await harness.RunAsync(clients[i].Request))[0].Tokens;

        int[][] results = await Task.WhenAll(clients.Select(client => Task.Run(() => ClientAsync(harness, client.Request, client.CutAfter))));

        for (int i = 1; i < 64; i += 2)
            Assert.Equal(alone[i], results[i]);
        await harness.Engine.DrainAsync();
        EngineSnapshot snapshot = harness.Engine.Snapshot;
        Assert.Equal((0, 220, 0), (snapshot.UsedBlocks, snapshot.FreeBlocks, snapshot.RunningSequences));
        Assert.Equal(16, model.LargestBatch);
    }

    [Fact]
    public async Task SteadyDecode_AllocatesLittlePerToken()
    {
        const int From = 200, To = 700, Batch = 16;
        int iteration = 0;
        long before = 0, after = 0;
        var model = new SimulatedModel(blocks: 1024)
        {
            OnExecute = _ =>
            {
                iteration++;
                if (iteration == From)
                    before = GC.GetAllocatedBytesForCurrentThread();
                else if (iteration == To)
                    after = GC.GetAllocatedBytesForCurrentThread();
            },
        };
        await using var harness = new EngineHarness(model);
        await Task.WhenAll(Enumerable.Range(0, Batch).Select(i => EngineHarness.ReadAsync(
            harness.Accept(EngineHarness.Request(EngineHarness.Prompt(i, 20), 900, seed: (ulong)i)))));

        double perToken = (double)(after - before) / ((To - From) * Batch);

        // The text decoder's string of each token, waking the reader, and lists that grow by doubling; the scheduler and the sampler give nothing.
        Assert.InRange(perToken, 0, 200);
    }

    private static async Task<int[]> ClientAsync(EngineHarness harness, GenerationRequest request, int? cutAfter)
    {
        List<int> tokens = [];
        await foreach (GenerationUpdate update in harness.Accept(request).ReadAllAsync())
        {
            tokens.AddRange(update.Tokens.Select(token => token.Token));
            if (tokens.Count >= cutAfter)
                break;
        }

        return [.. tokens];
    }
}
