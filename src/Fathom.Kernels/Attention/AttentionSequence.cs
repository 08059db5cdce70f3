namespace Fathom.Kernels.Attention;

/// <summary>One sequence of a batch: its new tokens and where its keys and values live.</summary>
/// <param name="TokenStart">Index of its first new token in the batch.</param>
/// <param name="TokenCount">New tokens, at least one.</param>
/// <param name="FirstPosition">Position of the first new token in the sequence; earlier ones have their keys and values.</param>
/// <param name="BlockStart">Index of its block table in the batch's block tables.</param>
/// <param name="BlockCount">Blocks in the table; position p lives in the table's entry p / 16, slot p % 16.</param>
public readonly record struct AttentionSequence(
    int TokenStart, int TokenCount, int FirstPosition, int BlockStart, int BlockCount);
