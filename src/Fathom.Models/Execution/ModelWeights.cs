using Fathom.Kernels.Embedding;

namespace Fathom.Models.Execution;

/// <summary>All weights of a model. Owns the packed matrices; the embeddings read the source file, which outlives this.</summary>
internal sealed class ModelWeights : IDisposable
{
    public required EmbeddingTable TokenEmbedding { get; init; }

    /// <summary>Learned positions, or null with rotary ones.</summary>
    public EmbeddingTable? PositionEmbedding { get; init; }

    public required TransformerBlock[] Blocks { get; init; }

    public required Norm OutputNorm { get; init; }

    public required Linear Output { get; init; }

    public void Dispose()
    {
        foreach (TransformerBlock block in Blocks)
            block.Dispose();
        Output.Dispose();
    }
}
