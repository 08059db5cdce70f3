namespace Fathom.Serving.Requests;

/// <summary>News of one choice since the reader last looked: everything that gathered in between comes in one update.</summary>
public sealed record GenerationUpdate
{
    /// <summary>Which choice, from 0.</summary>
    public required int Choice { get; init; }

    /// <summary>Text to append; may be empty. Never half a character, never part of a stop string.</summary>
    public string Text { get; init; } = "";

    /// <summary>Tokens whose text is complete with this update, in order.</summary>
    public IReadOnlyList<EmittedToken> Tokens { get; init; } = [];

    /// <summary>The prompt's tokens with their log probabilities, on the first update of a choice if the request asked for them; otherwise null.</summary>
    public IReadOnlyList<EmittedToken>? Prompt { get; init; }

    /// <summary>Set on the last update of the choice.</summary>
    public FinishReason? FinishReason { get; init; }

    /// <summary>The stop string or stop token's text that ended the choice, if one did; null for an end-of-generation token.</summary>
    public string? StopMatch { get; init; }

    /// <summary>One line on what failed, with <see cref="FinishReason.Error"/>.</summary>
    public string? Error { get; init; }

    /// <summary>Set on the very last update of the request.</summary>
    public TokenUsage? Usage { get; init; }
}
