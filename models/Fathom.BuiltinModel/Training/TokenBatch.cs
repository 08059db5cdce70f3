namespace Fathom.BuiltinModel.Training;

/// <summary>Whole documents laid end to end. Attention stays inside a document, so a batch has no other structure.</summary>
internal sealed class TokenBatch
{
    public required int[] Tokens { get; init; }

    /// <summary>The token that follows each token; meaningless where the weight is 0 (the last token of a document).</summary>
    public required int[] Targets { get; init; }

    public required float[] Weights { get; init; }

    /// <summary>Whether the target is part of an assistant's answer.</summary>
    public required bool[] IsAnswer { get; init; }

    /// <summary>First token of each document, then the number of tokens.</summary>
    public required int[] DocumentStarts { get; init; }
}
