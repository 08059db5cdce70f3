namespace Fathom.BuiltinModel.Training;

/// <summary>The sizes of a Llama network with tied embeddings; fixed before training and written into the GGUF.</summary>
internal sealed record NetworkShape
{
    public required int Vocabulary { get; init; }

    public int Layers { get; init; } = 4;

    public int Hidden { get; init; } = 256;

    public int FeedForward { get; init; } = 512;

    public int Heads { get; init; } = 8;

    public int KvHeads { get; init; } = 4;

    /// <summary>Longest document in tokens, in training and as the stated context.</summary>
    public int Context { get; init; } = 1024;

    public float RopeBase { get; init; } = 10000f;

    public float NormEpsilon { get; init; } = 1e-5f;

    public int HeadSize => Hidden / Heads;

    public int KvWidth => KvHeads * HeadSize;

    /// <summary>Width of the joined projection: queries, then keys, then values.</summary>
    public int QkvWidth => Hidden + (2 * KvWidth);
}
