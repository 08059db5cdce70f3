using System.Text;

namespace Fathom.Serving.Requests;

/// <summary>What one choice has gathered since its reader last looked. Guarded by its mailbox.</summary>
internal sealed class PendingChoice
{
    public StringBuilder Text { get; } = new();

    public List<EmittedToken> Tokens { get; } = [];

    public IReadOnlyList<EmittedToken>? Prompt { get; set; }

    public FinishReason? FinishReason { get; set; }

    public string? StopMatch { get; set; }

    public string? Error { get; set; }

    public bool HasNews { get; set; }

    /// <summary>Makes the update and empties this for the next one.</summary>
    public GenerationUpdate Take(int choice, TokenUsage? usage)
    {
        var update = new GenerationUpdate
        {
            Choice = choice,
            Text = Text.Length == 0 ? "" : Text.ToString(),
            Tokens = Tokens.Count == 0 ? [] : Tokens.ToArray(),
            Prompt = Prompt,
            FinishReason = FinishReason,
            StopMatch = StopMatch,
            Error = Error,
            Usage = usage,
        };
        Text.Clear();
        Tokens.Clear();
        Prompt = null;
        HasNews = false;
        return update;
    }
}
