using System.Runtime.Intrinsics;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Inner loops over panels of singles.</summary>
internal static unsafe class FloatTiles
{
    /// <summary>y[lane] = sum over k, in order, of w[k, lane]·x[k].</summary>
    public static void Multiply(float* w, float* x, int columns, float* y, int lanes)
    {
        var sum0 = Vector256<float>.Zero;
        var sum1 = Vector256<float>.Zero;
        for (var k = 0; k < columns; k++)
        {
            var value = Vector256.Create(x[k]);
            sum0 = Vector256.FusedMultiplyAdd(Vector256.Load(w + k * 16L), value, sum0);
            sum1 = Vector256.FusedMultiplyAdd(Vector256.Load(w + k * 16L + 8), value, sum1);
        }
        var sums = stackalloc float[16];
        sum0.Store(sums);
        sum1.Store(sums + 8);
        for (var lane = 0; lane < lanes; lane++)
            y[lane] = sums[lane];
    }
}
