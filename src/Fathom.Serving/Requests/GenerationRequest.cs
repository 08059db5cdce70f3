using Fathom.Serving.Sampling;

namespace Fathom.Serving.Requests;

/// <summary>What a client asks of the engine. Immutable; <see cref="Engine.ServingEngine.Submit"/> checks it and refuses it with a reason.</summary>
public sealed record GenerationRequest
{
    /// <summary>Largest number of choices of one request.</summary>
    public const int ChoicesMax = 128;

    /// <summary>Largest number of stop strings of one request.</summary>
    public const int StopStringsMax = 32;

    /// <summary>Token ids of the prompt; at least one. The memory must not change until the generation ends.</summary>
    public required ReadOnlyMemory<int> Prompt { get; init; }

    /// <summary>How tokens are drawn.</summary>
    public SamplingParameters Sampling { get; init; } = new();

    /// <summary>Most tokens to generate for each choice; null: as many as the context leaves. 0 only with <see cref="Echo"/> or <see cref="PromptLogprobs"/>.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Until this many tokens are generated, no end-of-generation or stop token is drawn and stop strings are not looked for.</summary>
    public int MinNewTokens { get; init; }

    /// <summary>Strings that end a choice; the text before the first of them is emitted, the string itself never, not even in part.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>Tokens that end a choice, beside the tokenizer's own end-of-generation tokens; they are not emitted.</summary>
    public IReadOnlyList<int> StopTokens { get; init; } = [];

    /// <summary>The tokenizer's end-of-generation tokens do not end a choice.</summary>
    public bool IgnoreEndOfGeneration { get; init; }

    /// <summary>Choices to return. They share the prompt's blocks.</summary>
    public int Choices { get; init; } = 1;

    /// <summary>Choices to generate, of which the <see cref="Choices"/> with the highest mean log probability are returned; null: exactly those returned.</summary>
    public int? BestOf { get; init; }

    /// <summary>The text and tokens of the prompt come first in every choice.</summary>
    public bool Echo { get; init; }

    /// <summary>Null: none. n: log probabilities of the prompt's tokens with the n likeliest alternatives, on <see cref="GenerationUpdate.Prompt"/>.</summary>
    public int? PromptLogprobs { get; init; }

    /// <summary>Lower runs earlier; equal ones run by arrival.</summary>
    public int Priority { get; init; }
}
