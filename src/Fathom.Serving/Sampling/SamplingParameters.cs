namespace Fathom.Serving.Sampling;

/// <summary>How the next token is drawn from the model's logits. Immutable; the defaults draw from the model's own distribution.</summary>
/// <remarks>
/// The steps apply in this order: logit bias, repetition penalty, presence and frequency penalty, temperature, top-k, typical,
/// top-p, min-p, draw. Each truncation works on the renormalised distribution that the step before it left.
/// </remarks>
public sealed record SamplingParameters
{
    /// <summary>Largest number of alternatives that may be asked for with <see cref="Logprobs"/>.</summary>
    public const int LogprobsMax = 64;

    /// <summary>Greedy decoding: the most likely token, ties to the lowest id.</summary>
    public static SamplingParameters Greedy { get; } = new() { Temperature = 0 };

    /// <summary>Divides the logits; 0 is greedy. At least 0.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Keeps the k most likely tokens; 0 keeps all.</summary>
    public int TopK { get; init; }

    /// <summary>Keeps the smallest set of most likely tokens whose mass reaches this; 1 keeps all. In (0, 1].</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Keeps tokens at least this fraction as likely as the likeliest; 0 keeps all. In [0, 1].</summary>
    public float MinP { get; init; }

    /// <summary>Locally typical sampling: keeps the tokens whose surprise is nearest to the entropy until their mass reaches this; 1 keeps all. In (0, 1].</summary>
    /// <remarks>Source: Meister et al. 2022.</remarks>
    public float TypicalP { get; init; } = 1;

    /// <summary>Divides positive and multiplies negative logits of tokens in the prompt or the output; 1 changes nothing. Above 0.</summary>
    /// <remarks>Source: Keskar et al. 2019 (CTRL).</remarks>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>Subtracted once from the logit of every token already generated. In [-2, 2].</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Subtracted from a token's logit for each time it was generated. In [-2, 2].</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Added to the logits of the given tokens; null for none. Values in [-100, 100].</summary>
    public IReadOnlyDictionary<int, float>? LogitBias { get; init; }

    /// <summary>Makes the draws reproducible, whatever else runs beside the request; null draws a fresh one.</summary>
    public ulong? Seed { get; init; }

    /// <summary>Null: no log probabilities. 0: that of each generated token. n: also those of the n likeliest tokens at its place.</summary>
    /// <remarks>They are natural logarithms of the model's own distribution, before any step of sampling.</remarks>
    public int? Logprobs { get; init; }
}
