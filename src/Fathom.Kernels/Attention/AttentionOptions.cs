namespace Fathom.Kernels.Attention;

/// <summary>What one layer's attention computes: softmax(mask(cap(scale · q kᵀ))) v.</summary>
/// <param name="Scale">Positive factor on q·k, usually 1/sqrt(headDim).</param>
/// <param name="SlidingWindow">Positions a query sees, itself included; 0 for all.</param>
/// <param name="SoftCap">Scores become SoftCap · tanh(score / SoftCap) before masking; 0 for none.</param>
/// <param name="Bidirectional">Whether a query also sees the positions after it, up to its sequence's last new token.</param>
public readonly record struct AttentionOptions(
    float Scale, int SlidingWindow = 0, float SoftCap = 0, bool Bidirectional = false)
{
    internal void Validate()
    {
        if (!(Scale > 0) || !float.IsFinite(Scale))
            throw new ArgumentOutOfRangeException(nameof(Scale), Scale, "The scale must be positive and finite.");
        ArgumentOutOfRangeException.ThrowIfNegative(SlidingWindow);
        if (!(SoftCap >= 0) || !float.IsFinite(SoftCap))
            throw new ArgumentOutOfRangeException(nameof(SoftCap), SoftCap, "The cap must be finite and not negative.");
    }
}
