using Fathom.Serving.Requests;
using Fathom.Serving.Sampling;
using Fathom.Serving.Scheduling;
using Fathom.Serving.Tests.Sampling;
using Fathom.Serving.Tests.Simulation;

namespace Fathom.Serving.Tests.Engine;

/// <summary>What a client gets for each thing it can ask.</summary>
public class GenerationTests
{
    private static readonly int[] Prompt = EngineHarness.Prompt(1, 37);

    [Fact]
    public async Task MaxNewTokens_EndsWithLengthAndCountsUsage()
    {
        await using var harness = new EngineHarness(new SimulatedModel());

        ChoiceResult result = Assert.Single(await harness.RunAsync(EngineHarness.Request(Prompt, 25, seed: 1)));

        Assert.Equal(FinishReason.Length, result.Reason);
        Assert.Equal(25, result.Tokens.Length);
        Assert.Equal(new TokenUsage(37, 0, 25), result.Usage);
    }

    [Fact]
    public async Task EndOfGeneration_EndsWithStopAndIsNotEmitted()
    {
        var tokenizer = new ByteTokenizer();
        await using var harness = new EngineHarness(new SimulatedModel());
        GenerationRequest request = EngineHarness.Request(Prompt, 500, seed: 2) with { IgnoreEndOfGeneration = false };

        ChoiceResult ends = Assert.Single(await harness.RunAsync(request));
        ChoiceResult ignores = Assert.Single(await harness.RunAsync(request with { IgnoreEndOfGeneration = true }));

        Assert.Equal(FinishReason.Stop, ends.Reason);
        Assert.Null(ends.StopMatch);
        Assert.DoesNotContain(tokenizer.End, ends.Tokens);
        Assert.Equal(tokenizer.End, ignores.Tokens[ends.Tokens.Length]);
        Assert.Equal(ends.Tokens, ignores.Tokens[..ends.Tokens.Length]);
        Assert.Equal(ends.Tokens.Length + 1, ends.Usage.CompletionTokens);
    }

    [Fact]
    public async Task StopToken_EndsBeforeItAndNamesIt()
    {
        await using var harness = new EngineHarness(new SimulatedModel());
        GenerationRequest request = EngineHarness.Request(Prompt, 40, seed: 3);
        int[] free = (await harness.RunAsync(request))[0].Tokens;

        ChoiceResult result = (await harness.RunAsync(request with { StopTokens = [free[20]] }))[0];

        int first = Array.IndexOf(free, free[20]);
        Assert.Equal(free[..first], result.Tokens);
        Assert.Equal(FinishReason.Stop, result.Reason);
        Assert.Equal(new ByteTokenizer().TokenText(free[20]), result.StopMatch);
    }

    [Fact]
    public async Task StopString_EmitsTheTextBeforeIt()
    {
        await using var harness = new EngineHarness(new SimulatedModel());
        GenerationRequest request = Readable(EngineHarness.Request(Prompt, 60, seed: 4));
        string free = (await harness.RunAsync(request))[0].Text.ToString();
        string stop = free.Substring(30, 5);

        ChoiceResult result = (await harness.RunAsync(request with { StopStrings = ["not there", stop] }))[0];

        Assert.Equal(free[..free.IndexOf(stop, StringComparison.Ordinal)], result.Text.ToString());
        Assert.Equal(stop, result.StopMatch);
        Assert.Equal(FinishReason.Stop, result.Reason);
    }

    [Fact]
    public async Task MinNewTokens_PutsOffEndAndStops()
    {
        await using var harness = new EngineHarness(new SimulatedModel());
        GenerationRequest request = Readable(EngineHarness.Request(Prompt, 200, seed: 5)) with
        {
            IgnoreEndOfGeneration = false,
            StopStrings = ["a", "b", "e", "o"],
            StopTokens = [300 - 2],
            MinNewTokens = 50,
        };

        ChoiceResult result = (await harness.RunAsync(request))[0];

        Assert.Equal(FinishReason.Stop, result.Reason);
        Assert.InRange(result.Usage.CompletionTokens, 51, 200);
        Assert.DoesNotContain(298, result.Tokens);
    }

    [Fact]
    public async Task Logprobs_AreThoseOfTheModelBeforeSampling()
    {
        await using var harness = new EngineHarness(new SimulatedModel());
        GenerationRequest request = EngineHarness.Request(Prompt, 12) with
        {
            Sampling = new SamplingParameters { Seed = 6, Temperature = 0.5f, TopK = 3, FrequencyPenalty = 1, Logprobs = 5 },
        };

        ChoiceResult result = (await harness.RunAsync(request))[0];

        List<int> context = [.. Prompt];
        foreach (EmittedToken token in result.Emitted)
        {
            double[] expected = ModelLogprobs(context);
            Assert.Equal(expected[token.Token], token.Logprob, 1e-4);
            Assert.Equal(5, token.Top.Count);
            Assert.Equal(expected.OrderDescending().Take(5), token.Top.Select(top => (double)top.Logprob), (left, right) => Math.Abs(left - right) < 1e-4);
            context.Add(token.Token);
        }
    }

    [Theory]
    [InlineData(512)]
    [InlineData(16)]
    public async Task Echo_WithPromptLogprobs_ScoresThePromptEvenWithoutOutput(int budget)
    {
        await using var harness = new EngineHarness(new SimulatedModel(), new ServingOptions { TokenBudget = budget });
        GenerationRequest request = EngineHarness.Request(Prompt, 0) with { Echo = true, PromptLogprobs = 2 };
        // The prompt is in the prefix cache, and must be computed all the same.
        await harness.RunAsync(EngineHarness.Request(Prompt, 1));

        ChoiceResult result = (await harness.RunAsync(request))[0];

        Assert.Equal(FinishReason.Length, result.Reason);
        Assert.Empty(result.Tokens);
        Assert.Equal(new ByteTokenizer().Decode(Prompt, skipSpecial: true), result.Text.ToString());
        Assert.NotNull(result.Prompt);
        Assert.Equal(Prompt, result.Prompt.Select(token => token.Token));
        Assert.True(float.IsNaN(result.Prompt[0].Logprob));
        for (int i = 1; i < Prompt.Length; i++)
        {
            Assert.Equal(ModelLogprobs(Prompt[..i])[Prompt[i]], result.Prompt[i].Logprob, 1e-4);
            Assert.Equal(2, result.Prompt[i].Top.Count);
        }

        Assert.Equal(0, result.Usage.CompletionTokens);
    }

    [Fact]
    public async Task Echo_SeveralChoices_EachBeginsWithThePrompt()
    {
        await using var harness = new EngineHarness(new SimulatedModel());
        string prompt = new ByteTokenizer().Decode(Prompt, skipSpecial: true);

        ChoiceResult[] results = await harness.RunAsync(EngineHarness.Request(Prompt, 5, seed: 7) with { Echo = true, Choices = 3 });

        Assert.Equal(3, results.Length);
        Assert.All(results, result => Assert.StartsWith(prompt, result.Text.ToString(), StringComparison.Ordinal));
        Assert.Equal(15, results[0].Usage.CompletionTokens);
    }

    [Fact]
    public async Task BestOf_ReturnsTheChoicesWithTheHighestMeanLogprob()
    {
        await using var harness = new EngineHarness(new SimulatedModel());
        GenerationRequest request = EngineHarness.Request(Prompt, 10, seed: 8);
        GenerationRequest all = request with { Choices = 6, Sampling = request.Sampling with { Logprobs = 0 } };
        ChoiceResult[] every = await harness.RunAsync(all);

        ChoiceResult[] best = await harness.RunAsync(request with { Choices = 2, BestOf = 6 });

        int[][] expected = [.. every.OrderByDescending(result => result.Emitted.Average(token => (double)token.Logprob)).Take(2).Select(result => result.Tokens)];
        Assert.Equal(expected, best.Select(result => result.Tokens));
        Assert.Equal(60, best[0].Usage.CompletionTokens);
    }

    [Fact]
    public async Task RequestPolicy_ShortRequest_IsAnsweredWithItsBatch()
    {
        var model = new SimulatedModel();
        await using var harness = new EngineHarness(model, new ServingOptions { Policy = SchedulingPolicy.Request });
        using var first = new ManualResetEventSlim();
        model.OnExecute = _ => first.Wait();
        Generation warmUp = harness.Accept(EngineHarness.Request(Prompt, 1));
        Generation quick = harness.Accept(EngineHarness.Request(Prompt, 2));
        Generation slow = harness.Accept(EngineHarness.Request(Prompt, 30));
        first.Set();
        await EngineHarness.ReadAsync(warmUp);

        int executionsWhenQuickIsAnswered = 0;
        await foreach (GenerationUpdate update in quick.ReadAllAsync())
        {
            executionsWhenQuickIsAnswered = model.Executions;
            Assert.Equal(2, update.Tokens.Count);
        }

        await EngineHarness.ReadAsync(slow);
        Assert.InRange(executionsWhenQuickIsAnswered, 30, 32);
    }

    /// <summary>Only letters, so that texts are easy to search.</summary>
    private static GenerationRequest Readable(GenerationRequest request) => request with
    {
        Sampling = request.Sampling with
        {
            LogitBias = Enumerable.Range(0, 256).Where(token => !char.IsAsciiLetterLower((char)token)).ToDictionary(token => token, _ => -100f),
        },
    };

    private static double[] ModelLogprobs(IEnumerable<int> context)
    {
        var row = new float[300];
        SimulatedModel.Logits(SimulatedModel.Hash([.. context]), row);
        double[] z = DistributionOracle.Adjusted(row, new SamplingParameters(), [], []);
        double logSum = Math.Log(z.Sum(Math.Exp));
        return [.. z.Select(logit => logit - logSum)];
    }
}
