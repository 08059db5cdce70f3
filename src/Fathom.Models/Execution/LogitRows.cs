namespace Fathom.Models.Execution;

/// <summary>Which of a sequence's tokens in a batch produce a row of logits.</summary>
public enum LogitRows
{
    /// <summary>None: a chunk of a prompt whose end is not in this batch.</summary>
    None,

    /// <summary>The last token only: what sampling needs.</summary>
    Last,

    /// <summary>Every token: prompt log-probabilities and tests.</summary>
    All,
}
