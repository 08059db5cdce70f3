using Fathom.Kernels.Normalization;
using Fathom.Models.Architectures;

namespace Fathom.Models.Execution;

/// <summary>One normalisation with its weights.</summary>
internal sealed class Norm(NormKind kind, float[] weight, float[]? bias, float epsilon)
{
    public float[] Weight => weight;

    /// <summary>y = norm(x) for every row; y may be exactly x.</summary>
    public void Apply(ReadOnlySpan<float> x, Span<float> y)
    {
        if (kind == NormKind.Rms)
            RmsNorm.Apply(x, weight, epsilon, y);
        else
            LayerNorm.Apply(x, weight, bias, epsilon, y);
    }
}
