namespace Fathom.Serving.Requests;

/// <summary>Tokens a request consumed and produced.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="CachedTokens">Those of them whose keys and values came from the prefix cache.</param>
/// <param name="CompletionTokens">Tokens generated over all choices, including end tokens and text cut by a stop string.</param>
public readonly record struct TokenUsage(int PromptTokens, int CachedTokens, int CompletionTokens)
{
    /// <summary>Prompt and completion together.</summary>
    public int TotalTokens => PromptTokens + CompletionTokens;
}
