using Fathom.Serving.Sampling;
using Fathom.Serving.Scheduling;

namespace Fathom.Serving.Requests;

/// <summary>What an engine accepts. Requests come from outside: every value is checked before anything is made of it.</summary>
/// <param name="VocabularySize">Token ids run below this.</param>
/// <param name="ContextLength">Most tokens of a prompt and its output together.</param>
/// <param name="KvTokens">Tokens that the whole KV memory holds.</param>
/// <param name="Policy">The scheduling policy.</param>
internal sealed record RequestRules(int VocabularySize, int ContextLength, long KvTokens, SchedulingPolicy Policy)
{
    private const int StopStringChars = 1024;
    private const int StopTokens = 1024;

    /// <summary>Checks a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="maxNewTokens">Tokens that each choice may generate.</param>
    /// <returns>Null if it is in order.</returns>
    public Refusal? Check(GenerationRequest request, out int maxNewTokens)
    {
        maxNewTokens = 0;
        return CheckPrompt(request.Prompt.Span)
            ?? CheckLength(request, out maxNewTokens)
            ?? CheckStops(request)
            ?? CheckChoices(request)
            ?? CheckSampling(request.Sampling);
    }

    private static Refusal Invalid(string parameter, string message) => new(RefusalReason.InvalidParameter, parameter, message);

    private static Refusal? Range(string parameter, float value, float low, float high, bool lowExcluded = false) =>
        value <= high && (lowExcluded ? value > low : value >= low)
            ? null
            : Invalid(parameter, $"{parameter} is {value}, allowed is {(lowExcluded ? "above" : "from")} {low} to {high}");

    private Refusal? CheckPrompt(ReadOnlySpan<int> prompt)
    {
        if (prompt.IsEmpty)
            return Invalid("prompt", "the prompt has no tokens");
        for (int i = 0; i < prompt.Length; i++)
        {
            if ((uint)prompt[i] >= (uint)VocabularySize)
                return Invalid("prompt", $"token {i} of the prompt is {prompt[i]}, the vocabulary has {VocabularySize} tokens");
        }

        return null;
    }

    private Refusal? CheckLength(GenerationRequest request, out int maxNewTokens)
    {
        int prompt = request.Prompt.Length;
        bool scores = request.Echo || request.PromptLogprobs is not null;
        // Without a limit of its own a request gets what context and memory leave, under the reserving policies shared by its choices.
        long memory = Policy == SchedulingPolicy.Paged ? KvTokens : KvTokens / 16 / Math.Max(1, request.BestOf ?? request.Choices) * 16;
        maxNewTokens = request.MaxNewTokens ?? (int)Math.Max(1, Math.Min(ContextLength, memory) - prompt);
        if (maxNewTokens < (scores ? 0 : 1))
            return Invalid("max_tokens", $"max_tokens is {maxNewTokens}, at least {(scores ? 0 : 1)} is needed");
        if ((long)prompt + maxNewTokens > ContextLength)
        {
            return new Refusal(RefusalReason.ContextExceeded, prompt < ContextLength ? "max_tokens" : "prompt",
                $"the prompt has {prompt} tokens and {maxNewTokens} are to be generated, the context holds {ContextLength}");
        }

        return request.MinNewTokens >= 0 && request.MinNewTokens <= maxNewTokens
            ? null
            : Invalid("min_tokens", $"min_tokens is {request.MinNewTokens}, allowed is from 0 to {maxNewTokens}");
    }

    private Refusal? CheckStops(GenerationRequest request)
    {
        if (request.StopStrings.Count > GenerationRequest.StopStringsMax)
            return Invalid("stop", $"{request.StopStrings.Count} stop strings, allowed are {GenerationRequest.StopStringsMax}");
        foreach (string stop in request.StopStrings)
        {
            if (string.IsNullOrEmpty(stop) || stop.Length > StopStringChars)
                return Invalid("stop", $"a stop string has {stop?.Length ?? 0} characters, allowed are 1 to {StopStringChars}");
        }

        if (request.StopTokens.Count > StopTokens)
            return Invalid("stop_token_ids", $"{request.StopTokens.Count} stop tokens, allowed are {StopTokens}");
        foreach (int token in request.StopTokens)
        {
            if ((uint)token >= (uint)VocabularySize)
                return Invalid("stop_token_ids", $"stop token {token} is outside the vocabulary of {VocabularySize}");
        }

        return null;
    }

    private Refusal? CheckChoices(GenerationRequest request)
    {
        if (request.Choices is < 1 or > GenerationRequest.ChoicesMax)
            return Invalid("n", $"n is {request.Choices}, allowed is from 1 to {GenerationRequest.ChoicesMax}");
        if (request.BestOf is { } best && (best < request.Choices || best > GenerationRequest.ChoicesMax))
            return Invalid("best_of", $"best_of is {best}, allowed is from n = {request.Choices} to {GenerationRequest.ChoicesMax}");
        if (request.PromptLogprobs is not { } prompt)
            return null;
        if (prompt is < 0 or > SamplingParameters.LogprobsMax)
            return Invalid("prompt_logprobs", $"prompt_logprobs is {prompt}, allowed is from 0 to {SamplingParameters.LogprobsMax}");
        // The other policies run prompts whole, and the logits of a whole prompt can take gigabytes.
        return Policy == SchedulingPolicy.Paged ? null : Invalid("prompt_logprobs", "prompt_logprobs needs the paged scheduling policy");
    }

    private Refusal? CheckSampling(SamplingParameters sampling)
    {
        if (sampling.TopK < 0)
            return Invalid("top_k", $"top_k is {sampling.TopK}, allowed is from 0");
        if (sampling.Logprobs is < 0 or > SamplingParameters.LogprobsMax)
            return Invalid("logprobs", $"logprobs is {sampling.Logprobs}, allowed is from 0 to {SamplingParameters.LogprobsMax}");
        if (sampling.LogitBias is { } bias)
        {
            foreach ((int token, float value) in bias)
            {
                if ((uint)token >= (uint)VocabularySize)
                    return Invalid("logit_bias", $"logit_bias names token {token}, the vocabulary has {VocabularySize} tokens");
                if (Range("logit_bias", value, -100, 100) is { } refusal)
                    return refusal;
            }
        }

        return Range("temperature", sampling.Temperature, 0, 100)
            ?? Range("top_p", sampling.TopP, 0, 1, lowExcluded: true)
            ?? Range("min_p", sampling.MinP, 0, 1)
            ?? Range("typical_p", sampling.TypicalP, 0, 1, lowExcluded: true)
            ?? Range("repetition_penalty", sampling.RepetitionPenalty, 0, 100, lowExcluded: true)
            ?? Range("presence_penalty", sampling.PresencePenalty, -2, 2)
            ?? Range("frequency_penalty", sampling.FrequencyPenalty, -2, 2);
    }
}
