using Fathom.Kernels.Rotary;

namespace Fathom.Kernels.Attention;

/// <summary>What happens to each head of queries and keys between their projection and attention: norm, then rotation.</summary>
public readonly ref struct QueryKeyTransform
{
    /// <summary>RMS norm weight of query heads [headDim], or empty for none.</summary>
    public ReadOnlySpan<float> QueryNorm { get; init; }

    /// <summary>RMS norm weight of key heads [headDim], or empty for none.</summary>
    public ReadOnlySpan<float> KeyNorm { get; init; }

    /// <summary>ε of both norms.</summary>
    public float NormEpsilon { get; init; }

    /// <summary>Angles of this batch's tokens in batch order, or null for none.</summary>
    public RotaryTable? Rotary { get; init; }
}
