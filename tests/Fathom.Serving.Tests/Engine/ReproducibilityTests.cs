using Fathom.Serving.Requests;
using Fathom.Serving.Scheduling;
using Fathom.Serving.Tests.Simulation;

namespace Fathom.Serving.Tests.Engine;

/// <summary>A request's tokens depend on nothing but the request.</summary>
public class ReproducibilityTests
{
    private const int Requests = 16;

    public static TheoryData<SchedulingPolicy, bool, int, int> Surroundings => new()
    {
        // policy, prefix cache, token budget, KV blocks
        { SchedulingPolicy.Paged, true, 512, 1024 },
        { SchedulingPolicy.Paged, false, 512, 1024 },
        { SchedulingPolicy.Paged, true, 24, 1024 },
        { SchedulingPolicy.Paged, false, 17, 1024 },
        { SchedulingPolicy.Paged, true, 64, 40 },
        { SchedulingPolicy.Paged, false, 64, 40 },
        { SchedulingPolicy.Orca, true, 512, 200 },
        { SchedulingPolicy.Request, true, 512, 200 },
    };

    [Theory]
    [MemberData(nameof(Surroundings))]
    public async Task Tokens_InAMixedBatch_AreThoseOfTheRequestAlone(SchedulingPolicy policy, bool prefixCaching, int budget, int blocks)
    {
        GenerationRequest[] requests = [.. Enumerable.Range(0, Requests).Select(MixedRequest)];
        int[][] alone = [.. requests.Select(request => Reference(request)[0])];

        var model = new SimulatedModel(blocks: blocks);
        var options = new ServingOptions { Policy = policy, PrefixCaching = prefixCaching, TokenBudget = budget };
        await using var harness = new EngineHarness(model, options);
        ChoiceResult[][] results = await Task.WhenAll(requests.Select(harness.RunAsync));

        for (int i = 0; i < Requests; i++)
            Assert.Equal(alone[i], results[i][0].Tokens);
        if (policy == SchedulingPolicy.Paged && blocks == 40)
            Assert.True(harness.Engine.Snapshot.Preemptions > 0, "the memory was to be too small for all");
        if (prefixCaching && policy == SchedulingPolicy.Paged && blocks > 40)
            Assert.True(harness.Engine.Snapshot.PrefixHitTokens > 0);
    }

    [Theory]
    [InlineData(SchedulingPolicy.Paged, 64)]
    [InlineData(SchedulingPolicy.Paged, 12)]
    [InlineData(SchedulingPolicy.Orca, 64)]
    [InlineData(SchedulingPolicy.Request, 64)]
    public async Task Choices_OfOneRequest_AreThoseOfTheReference(SchedulingPolicy policy, int blocks)
    {
        GenerationRequest request = EngineHarness.Request(EngineHarness.Prompt(5, 41), 30, seed: 99) with { Choices = 4 };
        var model = new SimulatedModel(blocks: blocks);
        await using var harness = new EngineHarness(model, new ServingOptions { Policy = policy });

        ChoiceResult[] results = await harness.RunAsync(request);

        Assert.Equal(Reference(request), results.Select(result => result.Tokens));
        Assert.Equal(4, results.Select(result => string.Join(',', result.Tokens)).Distinct().Count());
        Assert.True(model.Copies >= 3 || harness.Engine.Snapshot.Preemptions > 0, "the choices were to share the prompt's last block");
    }

    [Fact]
    public async Task Choices_MoreThanTheBatch_AreThoseOfTheReference()
    {
        GenerationRequest request = EngineHarness.Request(EngineHarness.Prompt(6, 20), 12, seed: 7) with { Choices = 9 };
        await using var harness = new EngineHarness(new SimulatedModel(), new ServingOptions { MaxBatch = 4, TokenBudget = 32 });

        ChoiceResult[] results = await harness.RunAsync(request);

        Assert.Equal(Reference(request), results.Select(result => result.Tokens));
    }

    [Fact]
    public async Task Tokens_OfTheSamePromptAgain_ComeFromTheCacheUnchanged()
    {
        await using var harness = new EngineHarness(new SimulatedModel());
        GenerationRequest request = EngineHarness.Request(EngineHarness.Prompt(1, 64), 20, seed: 3);

        ChoiceResult[] first = await harness.RunAsync(request);
        ChoiceResult[] second = await harness.RunAsync(request);

        Assert.Equal(first[0].Tokens, second[0].Tokens);
        Assert.Equal(0, first[0].Usage.CachedTokens);
        // The whole prompt is known, but its last token must be computed for its logits.
        Assert.Equal(48, second[0].Usage.CachedTokens);
    }

    private static GenerationRequest MixedRequest(int i)
    {
        // Half of the prompts begin alike, so that the prefix cache has something to find.
        int[] head = EngineHarness.Prompt(1000 + (i % 2), 40);
        int[] tail = EngineHarness.Prompt(i, 1 + (i * 7 % 50));
        return EngineHarness.Request([.. head, .. tail], 40 + (i * 31 % 90), seed: i % 3 == 0 ? null : (ulong)i);
    }

    /// <summary>The request's tokens by the plainest loop: whole context, one row, one draw.</summary>
    private static int[][] Reference(GenerationRequest request)
    {
        var sampler = new Serving.Sampling.Sampler(300);
        var row = new float[300];
        var choices = new int[request.Choices][];
        for (int choice = 0; choice < request.Choices; choice++)
        {
            var state = new Serving.Sampling.DrawState(request.Sampling, request.Sampling.Seed ?? 0, choice, request.Prompt);
            List<int> context = [.. request.Prompt.Span];
            for (int i = 0; i < request.MaxNewTokens; i++)
            {
                SimulatedModel.Logits(SimulatedModel.Hash([.. context]), row);
                int token = sampler.Draw(row, state, []);
                state.Add(token);
                context.Add(token);
            }

            choices[choice] = [.. context[request.Prompt.Length..]];
        }

        return choices;
    }
}
