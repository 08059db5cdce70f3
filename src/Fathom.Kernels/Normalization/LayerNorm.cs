using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Fathom.Kernels.Activations;

namespace Fathom.Kernels.Normalization;

/// <summary>Layer norm of rows: y[t,i] = (x[t,i] - μ_t)·w[i] / sqrt(σ²_t + ε) + b[i].</summary>
/// <remarks>
/// μ and σ² are the row's mean and biased variance, taken in two passes. A row's result depends on that row alone, to the
/// bit. Allocates nothing. Source: Ba, Kiros and Hinton 2016.
/// </remarks>
public static class LayerNorm
{
    /// <summary>Norms every row of <paramref name="x"/>.</summary>
    /// <param name="x">Activations [rows, w.Length], row-major.</param>
    /// <param name="w">Weight of each column.</param>
    /// <param name="b">Bias of each column, or empty for none.</param>
    /// <param name="eps">ε, added to the variance.</param>
    /// <param name="y">Same shape as x; may be exactly x, must not otherwise overlap.</param>
    /// <exception cref="ArgumentException">x is not whole rows, or b or y has another length.</exception>
    public static void Apply(ReadOnlySpan<float> x, ReadOnlySpan<float> w, ReadOnlySpan<float> b, float eps, Span<float> y)
    {
        if (w.Length == 0 || x.Length % w.Length != 0)
            throw new ArgumentException($"{x.Length} values are not whole rows of {w.Length}.", nameof(x));
        if (y.Length != x.Length)
            throw new ArgumentException($"{x.Length} values cannot be normed into {y.Length}.", nameof(y));
        if (b.Length != 0 && b.Length != w.Length)
            throw new ArgumentException($"A bias of {b.Length} does not fit a weight of {w.Length}.", nameof(b));
        for (var start = 0; start < x.Length; start += w.Length)
            Row(x.Slice(start, w.Length), w, b, eps, y.Slice(start, w.Length));
    }

    /// <summary>Scalar twin of <see cref="Apply"/>.</summary>
    internal static void ApplyScalar(
        ReadOnlySpan<float> x, ReadOnlySpan<float> w, ReadOnlySpan<float> b, float eps, Span<float> y)
    {
        for (var start = 0; start < x.Length; start += w.Length)
            RowScalar(x.Slice(start, w.Length), w, b, eps, y.Slice(start, w.Length));
    }

    internal static void Row(ReadOnlySpan<float> x, ReadOnlySpan<float> w, ReadOnlySpan<float> b, float eps, Span<float> y)
    {
        if (!VectorMath.IsSupported)
        {
            RowScalar(x, w, b, eps, y);
            return;
        }
        var mean = RowSum.Of(x) / x.Length;
        var scale = 1 / MathF.Sqrt(RowSum.OfSquaredDeviations(x, mean) / x.Length + eps);
        ref var source = ref MemoryMarshal.GetReference(x);
        ref var weight = ref MemoryMarshal.GetReference(w);
        ref var bias = ref MemoryMarshal.GetReference(b);
        ref var target = ref MemoryMarshal.GetReference(y);
        var shift = Vector256.Create(mean);
        var factor = Vector256.Create(scale);
        var whole = x.Length & ~7;
        for (var i = 0; i < whole; i += 8)
        {
            var normed = (Vector256.LoadUnsafe(ref source, (nuint)i) - shift) * factor;
            var added = b.IsEmpty ? default : Vector256.LoadUnsafe(ref bias, (nuint)i);
            Fma.MultiplyAdd(normed, Vector256.LoadUnsafe(ref weight, (nuint)i), added).StoreUnsafe(ref target, (nuint)i);
        }
        for (var i = whole; i < x.Length; i++)
            y[i] = (x[i] - mean) * scale * w[i] + (b.IsEmpty ? 0 : b[i]);
    }

    private static void RowScalar(
        ReadOnlySpan<float> x, ReadOnlySpan<float> w, ReadOnlySpan<float> b, float eps, Span<float> y)
    {
        var sum = 0.0f;
        foreach (var value in x)
            sum += value;
        var mean = sum / x.Length;
        var squares = 0.0f;
        foreach (var value in x)
            squares += (value - mean) * (value - mean);
        var scale = 1 / MathF.Sqrt(squares / x.Length + eps);
        for (var i = 0; i < x.Length; i++)
            y[i] = (x[i] - mean) * scale * w[i] + (b.IsEmpty ? 0 : b[i]);
    }
}
