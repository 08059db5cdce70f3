using Fathom.Serving.Requests;
using Fathom.Serving.Sampling;
using Fathom.Serving.Scheduling;

namespace Fathom.Serving.Tests.Requests;

public class RequestRulesTests
{
    private static readonly GenerationRequest Good = new() { Prompt = new[] { 1, 2, 3 }, MaxNewTokens = 10 };

    public static TheoryData<string, GenerationRequest> Bad => new()
    {
        { "prompt", Good with { Prompt = Array.Empty<int>() } },
        { "prompt", Good with { Prompt = new[] { 1, 100 } } },
        { "prompt", Good with { Prompt = new[] { -1 } } },
        { "max_tokens", Good with { MaxNewTokens = 0 } },
        { "max_tokens", Good with { MaxNewTokens = -1, Echo = true } },
        { "max_tokens", Good with { MaxNewTokens = int.MaxValue } },
        { "min_tokens", Good with { MinNewTokens = 11 } },
        { "min_tokens", Good with { MinNewTokens = -1 } },
        { "stop", Good with { StopStrings = [""] } },
        { "stop", Good with { StopStrings = [new string('x', 2000)] } },
        { "stop", Good with { StopStrings = [.. Enumerable.Repeat("x", 33)] } },
        { "stop_token_ids", Good with { StopTokens = [100] } },
        { "n", Good with { Choices = 0 } },
        { "n", Good with { Choices = 129 } },
        { "best_of", Good with { Choices = 3, BestOf = 2 } },
        { "best_of", Good with { BestOf = int.MaxValue } },
        { "prompt_logprobs", Good with { PromptLogprobs = -1 } },
        { "top_k", Sampled(new SamplingParameters { TopK = -1 }) },
        { "logprobs", Sampled(new SamplingParameters { Logprobs = 65 }) },
        { "logit_bias", Sampled(new SamplingParameters { LogitBias = new Dictionary<int, float> { [100] = 1 } }) },
        { "logit_bias", Sampled(new SamplingParameters { LogitBias = new Dictionary<int, float> { [5] = float.NaN } }) },
        { "temperature", Sampled(new SamplingParameters { Temperature = -0.1f }) },
        { "temperature", Sampled(new SamplingParameters { Temperature = float.NaN }) },
        { "temperature", Sampled(new SamplingParameters { Temperature = float.PositiveInfinity }) },
        { "top_p", Sampled(new SamplingParameters { TopP = 0 }) },
        { "top_p", Sampled(new SamplingParameters { TopP = 1.5f }) },
        { "min_p", Sampled(new SamplingParameters { MinP = 1.1f }) },
        { "typical_p", Sampled(new SamplingParameters { TypicalP = 0 }) },
        { "repetition_penalty", Sampled(new SamplingParameters { RepetitionPenalty = 0 }) },
        { "presence_penalty", Sampled(new SamplingParameters { PresencePenalty = 2.1f }) },
        { "frequency_penalty", Sampled(new SamplingParameters { FrequencyPenalty = -3 }) },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void Check_BadValue_NamesTheParameter(string parameter, GenerationRequest request)
    {
        Refusal? refusal = Rules().Check(request, out _);

        Assert.NotNull(refusal);
        Assert.Equal(parameter, refusal.Parameter);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Fact]
    public void Check_GoodRequest_Passes()
    {
        Assert.Null(Rules().Check(Good, out int maxNewTokens));
        Assert.Equal(10, maxNewTokens);
    }

    [Fact]
    public void Check_PromptBeyondTheContext_IsThatRefusal()
    {
        Refusal? refusal = Rules().Check(Good with { Prompt = new int[64], MaxNewTokens = null }, out _);

        Assert.Equal((RefusalReason.ContextExceeded, "prompt"), (refusal?.Reason, refusal?.Parameter));
        Assert.Equal(RefusalReason.ContextExceeded, Rules().Check(Good with { MaxNewTokens = 62 }, out _)?.Reason);
        Assert.Null(Rules().Check(Good with { MaxNewTokens = 61 }, out _));
    }

    [Theory]
    [InlineData(SchedulingPolicy.Paged, 1, 1000, 61)]
    [InlineData(SchedulingPolicy.Paged, 4, 48, 45)]
    [InlineData(SchedulingPolicy.Orca, 4, 128, 29)]
    public void Check_NoLimit_IsWhatContextAndMemoryLeave(SchedulingPolicy policy, int choices, int kvTokens, int expected)
    {
        RequestRules rules = Rules() with { Policy = policy, KvTokens = kvTokens };

        Assert.Null(rules.Check(Good with { MaxNewTokens = null, Choices = choices }, out int maxNewTokens));
        Assert.Equal(expected, maxNewTokens);
    }

    [Fact]
    public void Check_PromptLogprobs_NeedPieces()
    {
        RequestRules rules = Rules() with { Policy = SchedulingPolicy.Orca };

        Assert.Equal("prompt_logprobs", rules.Check(Good with { PromptLogprobs = 1 }, out _)?.Parameter);
    }

    private static GenerationRequest Sampled(SamplingParameters sampling) => Good with { Sampling = sampling };

    private static RequestRules Rules() => new(VocabularySize: 100, ContextLength: 64, KvTokens: 1024, SchedulingPolicy.Paged);
}
