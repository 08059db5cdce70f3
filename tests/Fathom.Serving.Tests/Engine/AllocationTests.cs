using Fathom.Serving.Sampling;
using Fathom.Serving.Tests.Simulation;

namespace Fathom.Serving.Tests.Engine;

/// <summary>What the engine's loop allocates from one iteration to the next, seen from the thread that runs it.</summary>
[Collection(nameof(AloneInTheProcess))]
public class AllocationTests
{
    private const int Tokens = 600;

    public static TheoryData<string, SamplingParameters> Samplings => new()
    {
        { "greedy", SamplingParameters.Greedy },
        { "top_p", new SamplingParameters { Seed = 1, Temperature = 0.8f, TopP = 0.95f } },
        { "top_k", new SamplingParameters { Seed = 1, Temperature = 0.8f, TopK = 40, MinP = 0.05f } },
        { "penalties", new SamplingParameters { Seed = 1, Temperature = 1, RepetitionPenalty = 1.1f, PresencePenalty = 0.2f } },
    };

    [Theory]
    [MemberData(nameof(Samplings))]
    public async Task Decode_Steady_AllocatesNothingPerToken(string name, SamplingParameters sampling)
    {
        var allocated = new long[4 * Tokens];
        int iterations = 0;
        var model = new SimulatedModel(blocks: 512)
        {
            OnExecute = _ => allocated[Math.Min(iterations++, allocated.Length - 1)] = GC.GetAllocatedBytesForCurrentThread(),
        };
        await using var harness = new EngineHarness(model);
        await RunTwoAsync(harness, sampling, 0);
        iterations = 0;
        await RunTwoAsync(harness, sampling, 1);

        // Prompts, first tokens and ends make objects for each request; tokens between do not. What a slow reader leaves behind, and
        // each sequence's own tables, grow by doubling: a handful of iterations among hundreds.
        long[] steps = [.. Enumerable.Range(50, Tokens - 100).Select(i => allocated[i + 1] - allocated[i])];
        Assert.True(steps.Count(bytes => bytes > 0) <= 24, $"{name}: {steps.Count(bytes => bytes > 0)} of {steps.Length} iterations allocated, {steps.Sum()} bytes in all");
    }

    private static Task<ChoiceResult[][]> RunTwoAsync(EngineHarness harness, SamplingParameters sampling, int seed) => Task.WhenAll(
        Enumerable.Range(0, 2).Select(i => harness.RunAsync(
            EngineHarness.Request(EngineHarness.Prompt(seed * 2 + i, 20), Tokens) with { Sampling = sampling })));
}
