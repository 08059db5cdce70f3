using Fathom.Kernels.Activations;
using Fathom.Kernels.MatrixProducts;

namespace Fathom.Models.Execution;

/// <summary>One projection: its packed weights, which it owns, and its bias if it has one.</summary>
internal sealed class Linear(WeightMatrix weights, float[]? bias) : IDisposable
{
    public WeightMatrix Weights => weights;

    public bool HasBias => bias is not null;

    /// <summary>Adds the bias to every row of y [rows, outputs].</summary>
    public void AddBias(Span<float> y)
    {
        if (bias is null)
            return;
        for (int start = 0; start < y.Length; start += bias.Length)
            Activation.Add(y.Slice(start, bias.Length), bias, y.Slice(start, bias.Length));
    }

    public void Dispose() => weights.Dispose();
}
