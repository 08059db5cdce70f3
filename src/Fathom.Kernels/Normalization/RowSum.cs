using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Fathom.Kernels.Activations;

namespace Fathom.Kernels.Normalization;

/// <summary>Sums over a row in an order that the row's length alone fixes. Called where vectors are supported.</summary>
internal static class RowSum
{
    /// <summary>Σ x[i].</summary>
    public static float Of(ReadOnlySpan<float> x) => Accumulate(x, 0, squares: false);

    /// <summary>Σ x[i]².</summary>
    public static float OfSquares(ReadOnlySpan<float> x) => Accumulate(x, 0, squares: true);

    /// <summary>Σ (x[i] - mean)².</summary>
    public static float OfSquaredDeviations(ReadOnlySpan<float> x, float mean) => Accumulate(x, mean, squares: true);

    private static float Accumulate(ReadOnlySpan<float> x, float mean, bool squares)
    {
        ref var first = ref MemoryMarshal.GetReference(x);
        var shift = Vector256.Create(mean);
        // Four accumulators hide the latency of the additions; lane l of accumulator a holds columns 32j + 8a + l.
        Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default;
        var i = 0;
        for (; i <= x.Length - 32; i += 32)
        {
            var x0 = Vector256.LoadUnsafe(ref first, (nuint)i) - shift;
            var x1 = Vector256.LoadUnsafe(ref first, (nuint)i + 8) - shift;
            var x2 = Vector256.LoadUnsafe(ref first, (nuint)i + 16) - shift;
            var x3 = Vector256.LoadUnsafe(ref first, (nuint)i + 24) - shift;
            a0 = squares ? Fma.MultiplyAdd(x0, x0, a0) : a0 + x0;
            a1 = squares ? Fma.MultiplyAdd(x1, x1, a1) : a1 + x1;
            a2 = squares ? Fma.MultiplyAdd(x2, x2, a2) : a2 + x2;
            a3 = squares ? Fma.MultiplyAdd(x3, x3, a3) : a3 + x3;
        }
        for (; i <= x.Length - 8; i += 8)
        {
            var x0 = Vector256.LoadUnsafe(ref first, (nuint)i) - shift;
            a0 = squares ? Fma.MultiplyAdd(x0, x0, a0) : a0 + x0;
        }
        var sum = VectorMath.Sum((a0 + a1) + (a2 + a3));
        for (; i < x.Length; i++)
        {
            var value = x[i] - mean;
            sum += squares ? value * value : value;
        }
        return sum;
    }
}
