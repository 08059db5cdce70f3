using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Fathom.Kernels.Activations;

namespace Fathom.Kernels.Normalization;

/// <summary>RMS norm of rows: y[t,i] = x[t,i]·w[i] / sqrt(mean_j x[t,j]² + ε).</summary>
/// <remarks>
/// The row length is the weight's length, so heads are normed by passing [tokens·heads, headDim] with a weight of headDim.
/// A row's result depends on that row alone, to the bit. Allocates nothing. Source: Zhang and Sennrich 2019.
/// </remarks>
public static class RmsNorm
{
    /// <summary>Norms every row of <paramref name="x"/>.</summary>
    /// <param name="x">Activations [rows, w.Length], row-major.</param>
    /// <param name="w">Weight of each column; a model whose weights mean 1 + w folds the 1 in when it loads.</param>
    /// <param name="eps">ε, added to the mean square.</param>
    /// <param name="y">Same shape as x; may be exactly x, must not otherwise overlap.</param>
    /// <exception cref="ArgumentException">x.Length is not a multiple of w.Length, or y.Length differs from x.Length.</exception>
    public static void Apply(ReadOnlySpan<float> x, ReadOnlySpan<float> w, float eps, Span<float> y)
    {
        Check(x.Length, w.Length, y.Length);
        for (var start = 0; start < x.Length; start += w.Length)
            Row(x.Slice(start, w.Length), w, eps, y.Slice(start, w.Length));
    }

    /// <summary>Adds to the residual stream, then norms it: residual += delta; y = norm(residual).</summary>
    /// <param name="residual">Residual stream [rows, w.Length]; updated.</param>
    /// <param name="delta">What a layer adds, same shape.</param>
    /// <param name="w">Weight of each column.</param>
    /// <param name="eps">ε, added to the mean square.</param>
    /// <param name="y">Same shape; may be exactly delta, must not otherwise overlap.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static void AddAndApply(
        Span<float> residual, ReadOnlySpan<float> delta, ReadOnlySpan<float> w, float eps, Span<float> y)
    {
        Check(residual.Length, w.Length, y.Length);
        Check(residual.Length, w.Length, delta.Length);
        for (var start = 0; start < residual.Length; start += w.Length)
        {
            var row = residual.Slice(start, w.Length);
            Activation.Add(row, delta.Slice(start, w.Length), row);
            Row(row, w, eps, y.Slice(start, w.Length));
        }
    }

    /// <summary>Scalar twin of <see cref="Apply"/>.</summary>
    internal static void ApplyScalar(ReadOnlySpan<float> x, ReadOnlySpan<float> w, float eps, Span<float> y)
    {
        for (var start = 0; start < x.Length; start += w.Length)
            RowScalar(x.Slice(start, w.Length), w, eps, y.Slice(start, w.Length));
    }

    internal static void Row(ReadOnlySpan<float> x, ReadOnlySpan<float> w, float eps, Span<float> y)
    {
        if (!VectorMath.IsSupported)
        {
            RowScalar(x, w, eps, y);
            return;
        }
        var scale = 1 / MathF.Sqrt(RowSum.OfSquares(x) / x.Length + eps);
        ref var source = ref MemoryMarshal.GetReference(x);
        ref var weight = ref MemoryMarshal.GetReference(w);
        ref var target = ref MemoryMarshal.GetReference(y);
        var factor = Vector256.Create(scale);
        var whole = x.Length & ~7;
        for (var i = 0; i < whole; i += 8)
        {
            (Vector256.LoadUnsafe(ref source, (nuint)i) * factor * Vector256.LoadUnsafe(ref weight, (nuint)i))
                .StoreUnsafe(ref target, (nuint)i);
        }
        for (var i = whole; i < x.Length; i++)
            y[i] = x[i] * scale * w[i];
    }

    private static void RowScalar(ReadOnlySpan<float> x, ReadOnlySpan<float> w, float eps, Span<float> y)
    {
        var sum = 0.0f;
        foreach (var value in x)
            sum += value * value;
        var scale = 1 / MathF.Sqrt(sum / x.Length + eps);
        for (var i = 0; i < x.Length; i++)
            y[i] = x[i] * scale * w[i];
    }

    private static void Check(int values, int columns, int outputs)
    {
        if (columns == 0 || values % columns != 0)
            throw new ArgumentException($"{values} values are not whole rows of {columns}.");
        if (outputs != values)
            throw new ArgumentException($"{values} values need as many in the other operand, not {outputs}.");
    }
}
