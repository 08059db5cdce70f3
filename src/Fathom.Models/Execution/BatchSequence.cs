namespace Fathom.Models.Execution;

/// <summary>One sequence's part of a <see cref="ForwardBatch"/>.</summary>
/// <param name="TokenStart">Index of its first token in the flat token list.</param>
/// <param name="TokenCount">Its tokens in this batch; at least 1.</param>
/// <param name="FirstPosition">Position of its first token of this batch within the sequence, from 0.</param>
/// <param name="BlockStart">Index of its block table in the flat list of block tables.</param>
/// <param name="BlockCount">Entries of its block table; they cover at least FirstPosition + TokenCount positions.</param>
/// <param name="Rows">Which tokens give logits.</param>
/// <param name="LogitStart">Its first row of the logits.</param>
public readonly record struct BatchSequence(
    int TokenStart, int TokenCount, int FirstPosition, int BlockStart, int BlockCount, LogitRows Rows, int LogitStart)
{
    /// <summary>Rows of logits this sequence produces.</summary>
    public int LogitCount => Rows switch { LogitRows.None => 0, LogitRows.Last => 1, _ => TokenCount };
}
