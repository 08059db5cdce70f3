using Fathom.Kernels.Attention;

namespace Fathom.Models.Execution;

/// <summary>Weights of one block, and what its attention does. Owns the projections.</summary>
internal sealed class TransformerBlock : IDisposable
{
    public required Norm AttentionNorm { get; init; }

    public required Linear Query { get; init; }

    public required Linear Key { get; init; }

    public required Linear Value { get; init; }

    public float[]? QueryNorm { get; init; }

    public float[]? KeyNorm { get; init; }

    public required Linear AttentionOutput { get; init; }

    public Norm? PostAttentionNorm { get; init; }

    public required Norm FeedForwardNorm { get; init; }

    /// <summary>Null in architectures without a gate.</summary>
    public Linear? Gate { get; init; }

    public required Linear Up { get; init; }

    public required Linear Down { get; init; }

    public Norm? PostFeedForwardNorm { get; init; }

    public required AttentionOptions Attention { get; init; }

    /// <summary>Rotates with the local table instead of the global one.</summary>
    public bool UsesLocalRotary { get; init; }

    public void Dispose()
    {
        Query.Dispose();
        Key.Dispose();
        Value.Dispose();
        AttentionOutput.Dispose();
        Gate?.Dispose();
        Up.Dispose();
        Down.Dispose();
    }
}
