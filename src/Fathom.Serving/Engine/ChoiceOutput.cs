using Fathom.Serving.Detokenization;
using Fathom.Serving.Sampling;

namespace Fathom.Serving.Engine;

/// <summary>What the engine keeps for one choice: the state of its draws and its text.</summary>
/// <remarks>Loop thread.</remarks>
internal sealed class ChoiceOutput(DrawState draws, ChoiceText text)
{
    public DrawState Draws { get; } = draws;

    public ChoiceText Text { get; } = text;

    /// <summary>Sum of the log probabilities of its tokens; kept for best-of only.</summary>
    public double Logprob { get; set; }

    /// <summary>When its last token came.</summary>
    public long LastTokenAt { get; set; }

    /// <summary>Its first token was drawn.</summary>
    public bool HasBegun { get; set; }

    /// <summary>It has ended.</summary>
    public bool HasEnded { get; set; }
}
