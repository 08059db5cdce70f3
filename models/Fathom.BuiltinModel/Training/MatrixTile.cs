using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.BuiltinModel.Training;

/// <summary>The innermost product: C[rows, columns] (+)= A[rows, k]·B[k, columns] for one register-sized tile.</summary>
/// <remarks>
/// A is read element by element through any strides, B and C by rows of <see cref="Columns"/> contiguous values. Every output is one chain
/// of fused multiply-adds in the order of k, on every path of one instruction set.
/// </remarks>
internal static unsafe class MatrixTile
{
    /// <summary>Rows of a tile on this processor.</summary>
    public static int Rows { get; } = Vector512.IsHardwareAccelerated ? 12 : 6;

    /// <summary>Columns of a tile on this processor.</summary>
    public static int Columns { get; } = Vector512.IsHardwareAccelerated ? 32 : 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(
        int k, float* a, nint aRowStride, nint aColumnStride, float* b, nint bRowStride, float* c, nint cRowStride, bool accumulate)
    {
        // SAFETY (all paths): the caller owns Rows x k elements of A at the strides given, k rows of Columns values of B, and Rows rows of
        // Columns values of C; nothing here leaves those bounds, and unaligned loads are used throughout.
        if (Vector512.IsHardwareAccelerated)
            Multiply512(k, a, aRowStride, aColumnStride, b, bRowStride, c, cRowStride, accumulate);
        else if (Fma.IsSupported)
            Multiply256(k, a, aRowStride, aColumnStride, b, bRowStride, c, cRowStride, accumulate);
        else
            MultiplyScalar(k, a, aRowStride, aColumnStride, b, bRowStride, c, cRowStride, accumulate);
    }

    /// <summary>The scalar twin of the vector tiles.</summary>
    internal static void MultiplyScalar(
        int k, float* a, nint aRowStride, nint aColumnStride, float* b, nint bRowStride, float* c, nint cRowStride, bool accumulate)
    {
        for (int i = 0; i < Rows; i++)
        {
            for (int j = 0; j < Columns; j++)
            {
                float sum = accumulate ? c[(i * cRowStride) + j] : 0f;
                for (int p = 0; p < k; p++)
                    sum = MathF.FusedMultiplyAdd(a[(i * aRowStride) + (p * aColumnStride)], b[(p * bRowStride) + j], sum);
                c[(i * cRowStride) + j] = sum;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply512(
        int k, float* a, nint aRowStride, nint aColumnStride, float* b, nint bRowStride, float* c, nint cRowStride, bool accumulate)
    {
        // 12 rows x 2 vectors of 16 columns: cI_J holds columns J*16.. of row I.
        Vector512<float> c0_0 = Vector512<float>.Zero, c0_1 = Vector512<float>.Zero;
        Vector512<float> c1_0 = Vector512<float>.Zero, c1_1 = Vector512<float>.Zero;
        Vector512<float> c2_0 = Vector512<float>.Zero, c2_1 = Vector512<float>.Zero;
        Vector512<float> c3_0 = Vector512<float>.Zero, c3_1 = Vector512<float>.Zero;
        Vector512<float> c4_0 = Vector512<float>.Zero, c4_1 = Vector512<float>.Zero;
        Vector512<float> c5_0 = Vector512<float>.Zero, c5_1 = Vector512<float>.Zero;
        Vector512<float> c6_0 = Vector512<float>.Zero, c6_1 = Vector512<float>.Zero;
        Vector512<float> c7_0 = Vector512<float>.Zero, c7_1 = Vector512<float>.Zero;
        Vector512<float> c8_0 = Vector512<float>.Zero, c8_1 = Vector512<float>.Zero;
        Vector512<float> c9_0 = Vector512<float>.Zero, c9_1 = Vector512<float>.Zero;
        Vector512<float> c10_0 = Vector512<float>.Zero, c10_1 = Vector512<float>.Zero;
        Vector512<float> c11_0 = Vector512<float>.Zero, c11_1 = Vector512<float>.Zero;
        if (accumulate)
        {
            (c0_0, c0_1) = (Vector512.Load(c + (0 * cRowStride)), Vector512.Load(c + (0 * cRowStride) + 16));
            (c1_0, c1_1) = (Vector512.Load(c + (1 * cRowStride)), Vector512.Load(c + (1 * cRowStride) + 16));
            (c2_0, c2_1) = (Vector512.Load(c + (2 * cRowStride)), Vector512.Load(c + (2 * cRowStride) + 16));
            (c3_0, c3_1) = (Vector512.Load(c + (3 * cRowStride)), Vector512.Load(c + (3 * cRowStride) + 16));
            (c4_0, c4_1) = (Vector512.Load(c + (4 * cRowStride)), Vector512.Load(c + (4 * cRowStride) + 16));
            (c5_0, c5_1) = (Vector512.Load(c + (5 * cRowStride)), Vector512.Load(c + (5 * cRowStride) + 16));
            (c6_0, c6_1) = (Vector512.Load(c + (6 * cRowStride)), Vector512.Load(c + (6 * cRowStride) + 16));
            (c7_0, c7_1) = (Vector512.Load(c + (7 * cRowStride)), Vector512.Load(c + (7 * cRowStride) + 16));
            (c8_0, c8_1) = (Vector512.Load(c + (8 * cRowStride)), Vector512.Load(c + (8 * cRowStride) + 16));
            (c9_0, c9_1) = (Vector512.Load(c + (9 * cRowStride)), Vector512.Load(c + (9 * cRowStride) + 16));
            (c10_0, c10_1) = (Vector512.Load(c + (10 * cRowStride)), Vector512.Load(c + (10 * cRowStride) + 16));
            (c11_0, c11_1) = (Vector512.Load(c + (11 * cRowStride)), Vector512.Load(c + (11 * cRowStride) + 16));
        }

        nint a2 = 2 * aRowStride;
        float* r0 = a + (0 * aRowStride);
        float* r1 = a + (3 * aRowStride);
        float* r2 = a + (6 * aRowStride);
        float* r3 = a + (9 * aRowStride);
        for (int p = 0; p < k; p++)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16);
            Vector512<float> x;
            x = Vector512.Create(*(r0));
            c0_0 = Vector512.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector512.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector512.Create(*(r0 + aRowStride));
            c1_0 = Vector512.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector512.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector512.Create(*(r0 + a2));
            c2_0 = Vector512.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector512.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector512.Create(*(r1));
            c3_0 = Vector512.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector512.FusedMultiplyAdd(x, b1, c3_1);
            x = Vector512.Create(*(r1 + aRowStride));
            c4_0 = Vector512.FusedMultiplyAdd(x, b0, c4_0);
            c4_1 = Vector512.FusedMultiplyAdd(x, b1, c4_1);
            x = Vector512.Create(*(r1 + a2));
            c5_0 = Vector512.FusedMultiplyAdd(x, b0, c5_0);
            c5_1 = Vector512.FusedMultiplyAdd(x, b1, c5_1);
            x = Vector512.Create(*(r2));
            c6_0 = Vector512.FusedMultiplyAdd(x, b0, c6_0);
            c6_1 = Vector512.FusedMultiplyAdd(x, b1, c6_1);
            x = Vector512.Create(*(r2 + aRowStride));
            c7_0 = Vector512.FusedMultiplyAdd(x, b0, c7_0);
            c7_1 = Vector512.FusedMultiplyAdd(x, b1, c7_1);
            x = Vector512.Create(*(r2 + a2));
            c8_0 = Vector512.FusedMultiplyAdd(x, b0, c8_0);
            c8_1 = Vector512.FusedMultiplyAdd(x, b1, c8_1);
            x = Vector512.Create(*(r3));
            c9_0 = Vector512.FusedMultiplyAdd(x, b0, c9_0);
            c9_1 = Vector512.FusedMultiplyAdd(x, b1, c9_1);
            x = Vector512.Create(*(r3 + aRowStride));
            c10_0 = Vector512.FusedMultiplyAdd(x, b0, c10_0);
            c10_1 = Vector512.FusedMultiplyAdd(x, b1, c10_1);
            x = Vector512.Create(*(r3 + a2));
            c11_0 = Vector512.FusedMultiplyAdd(x, b0, c11_0);
            c11_1 = Vector512.FusedMultiplyAdd(x, b1, c11_1);
            r0 += aColumnStride;
            r1 += aColumnStride;
            r2 += aColumnStride;
            r3 += aColumnStride;
            b += bRowStride;
        }

        c0_0.Store(c + (0 * cRowStride));
        c0_1.Store(c + (0 * cRowStride) + 16);
        c1_0.Store(c + (1 * cRowStride));
        c1_1.Store(c + (1 * cRowStride) + 16);
        c2_0.Store(c + (2 * cRowStride));
        c2_1.Store(c + (2 * cRowStride) + 16);
        c3_0.Store(c + (3 * cRowStride));
        c3_1.Store(c + (3 * cRowStride) + 16);
        c4_0.Store(c + (4 * cRowStride));
        c4_1.Store(c + (4 * cRowStride) + 16);
        c5_0.Store(c + (5 * cRowStride));
        c5_1.Store(c + (5 * cRowStride) + 16);
        c6_0.Store(c + (6 * cRowStride));
        c6_1.Store(c + (6 * cRowStride) + 16);
        c7_0.Store(c + (7 * cRowStride));
        c7_1.Store(c + (7 * cRowStride) + 16);
        c8_0.Store(c + (8 * cRowStride));
        c8_1.Store(c + (8 * cRowStride) + 16);
        c9_0.Store(c + (9 * cRowStride));
        c9_1.Store(c + (9 * cRowStride) + 16);
        c10_0.Store(c + (10 * cRowStride));
        c10_1.Store(c + (10 * cRowStride) + 16);
        c11_0.Store(c + (11 * cRowStride));
        c11_1.Store(c + (11 * cRowStride) + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply256(
        int k, float* a, nint aRowStride, nint aColumnStride, float* b, nint bRowStride, float* c, nint cRowStride, bool accumulate)
    {
        // 6 rows x 2 vectors of 8 columns: cI_J holds columns J*8.. of row I.
        Vector256<float> c0_0 = Vector256<float>.Zero, c0_1 = Vector256<float>.Zero;
        Vector256<float> c1_0 = Vector256<float>.Zero, c1_1 = Vector256<float>.Zero;
        Vector256<float> c2_0 = Vector256<float>.Zero, c2_1 = Vector256<float>.Zero;
        Vector256<float> c3_0 = Vector256<float>.Zero, c3_1 = Vector256<float>.Zero;
        Vector256<float> c4_0 = Vector256<float>.Zero, c4_1 = Vector256<float>.Zero;
        Vector256<float> c5_0 = Vector256<float>.Zero, c5_1 = Vector256<float>.Zero;
        if (accumulate)
        {
            (c0_0, c0_1) = (Vector256.Load(c + (0 * cRowStride)), Vector256.Load(c + (0 * cRowStride) + 8));
            (c1_0, c1_1) = (Vector256.Load(c + (1 * cRowStride)), Vector256.Load(c + (1 * cRowStride) + 8));
            (c2_0, c2_1) = (Vector256.Load(c + (2 * cRowStride)), Vector256.Load(c + (2 * cRowStride) + 8));
            (c3_0, c3_1) = (Vector256.Load(c + (3 * cRowStride)), Vector256.Load(c + (3 * cRowStride) + 8));
            (c4_0, c4_1) = (Vector256.Load(c + (4 * cRowStride)), Vector256.Load(c + (4 * cRowStride) + 8));
            (c5_0, c5_1) = (Vector256.Load(c + (5 * cRowStride)), Vector256.Load(c + (5 * cRowStride) + 8));
        }

        nint a2 = 2 * aRowStride;
        float* r0 = a + (0 * aRowStride);
        float* r1 = a + (3 * aRowStride);
        for (int p = 0; p < k; p++)
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8);
            Vector256<float> x;
            x = Vector256.Create(*(r0));
            c0_0 = Vector256.FusedMultiplyAdd(x, b0, c0_0);
            c0_1 = Vector256.FusedMultiplyAdd(x, b1, c0_1);
            x = Vector256.Create(*(r0 + aRowStride));
            c1_0 = Vector256.FusedMultiplyAdd(x, b0, c1_0);
            c1_1 = Vector256.FusedMultiplyAdd(x, b1, c1_1);
            x = Vector256.Create(*(r0 + a2));
            c2_0 = Vector256.FusedMultiplyAdd(x, b0, c2_0);
            c2_1 = Vector256.FusedMultiplyAdd(x, b1, c2_1);
            x = Vector256.Create(*(r1));
            c3_0 = Vector256.FusedMultiplyAdd(x, b0, c3_0);
            c3_1 = Vector256.FusedMultiplyAdd(x, b1, c3_1);
            x = Vector256.Create(*(r1 + aRowStride));
            c4_0 = Vector256.FusedMultiplyAdd(x, b0, c4_0);
            c4_1 = Vector256.FusedMultiplyAdd(x, b1, c4_1);
            x = Vector256.Create(*(r1 + a2));
            c5_0 = Vector256.FusedMultiplyAdd(x, b0, c5_0);
            c5_1 = Vector256.FusedMultiplyAdd(x, b1, c5_1);
            r0 += aColumnStride;
            r1 += aColumnStride;
            b += bRowStride;
        }

        c0_0.Store(c + (0 * cRowStride));
        c0_1.Store(c + (0 * cRowStride) + 8);
        c1_0.Store(c + (1 * cRowStride));
        c1_1.Store(c + (1 * cRowStride) + 8);
        c2_0.Store(c + (2 * cRowStride));
        c2_1.Store(c + (2 * cRowStride) + 8);
        c3_0.Store(c + (3 * cRowStride));
        c3_1.Store(c + (3 * cRowStride) + 8);
        c4_0.Store(c + (4 * cRowStride));
        c4_1.Store(c + (4 * cRowStride) + 8);
        c5_0.Store(c + (5 * cRowStride));
        c5_1.Store(c + (5 * cRowStride) + 8);
    }
}
