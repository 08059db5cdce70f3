using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Tiles of four and of eight tokens over two panels at once, 16 rows a vector; the bits of <see cref="FloatTiles"/>.</summary>
internal static unsafe class FloatTiles512
{
    /// <param name="w0">First panel's columns.</param>
    /// <param name="w1">Second panel's columns.</param>
    /// <param name="columns">Columns to multiply.</param>
    /// <param name="x">Activations.</param>
    /// <param name="tile">Four tokens; those beyond the last repeat it.</param>
    /// <param name="column">Column of x that the first of w belongs to.</param>
    /// <param name="sums0">First panel's sums [4 tokens, 16 rows]; added to.</param>
    /// <param name="sums1">Second panel's.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply4<TLanes>(
        byte* w0, byte* w1, int columns, in Activations x, int tile, int column, float* sums0, float* sums1)
        where TLanes : struct, IFloatLanes
    {
        // SAFETY: every pointer is at the same column of an existing token.
        var first = tile * Activations.TileTokens;
        float* x0 = x.SinglesAt(first, column), x1 = x.SinglesAt(first + 1, column), x2 = x.SinglesAt(first + 2, column), x3 = x.SinglesAt(first + 3, column);
        // sTP: token T, panel P.
        Vector512<float> s00 = Vector512.Load(sums0), s10 = Vector512.Load(sums0 + 16), s20 = Vector512.Load(sums0 + 32), s30 = Vector512.Load(sums0 + 48);
        Vector512<float> s01 = Vector512.Load(sums1), s11 = Vector512.Load(sums1 + 16), s21 = Vector512.Load(sums1 + 32), s31 = Vector512.Load(sums1 + 48);
        for (nint k = 0; k < columns; k++, w0 += TLanes.ColumnBytes, w1 += TLanes.ColumnBytes)
        {
            var p = TLanes.Load(w0);
            var q = TLanes.Load(w1);
            Add(p, q, x0[k], ref s00, ref s01);
            Add(p, q, x1[k], ref s10, ref s11);
            Add(p, q, x2[k], ref s20, ref s21);
            Add(p, q, x3[k], ref s30, ref s31);
        }
        s00.Store(sums0);
        s10.Store(sums0 + 16);
        s20.Store(sums0 + 32);
        s30.Store(sums0 + 48);
        s01.Store(sums1);
        s11.Store(sums1 + 16);
        s21.Store(sums1 + 32);
        s31.Store(sums1 + 48);
    }

    /// <summary>As <see cref="Multiply4"/>, of two neighbouring tiles: a weight that became singles serves eight tokens.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply8<TLanes>(
        byte* w0, byte* w1, int columns, in Activations x, int tile, int column, float* sums0, float* sums1)
        where TLanes : struct, IFloatLanes
    {
        // SAFETY: every pointer is at the same column of an existing token.
        var first = tile * Activations.TileTokens;
        float* x0 = x.SinglesAt(first, column), x1 = x.SinglesAt(first + 1, column), x2 = x.SinglesAt(first + 2, column), x3 = x.SinglesAt(first + 3, column);
        float* x4 = x.SinglesAt(first + 4, column), x5 = x.SinglesAt(first + 5, column), x6 = x.SinglesAt(first + 6, column), x7 = x.SinglesAt(first + 7, column);
        // sTP: token T, panel P.
        Vector512<float> s00 = Vector512.Load(sums0), s10 = Vector512.Load(sums0 + 16), s20 = Vector512.Load(sums0 + 32), s30 = Vector512.Load(sums0 + 48);
        Vector512<float> s40 = Vector512.Load(sums0 + 64), s50 = Vector512.Load(sums0 + 80), s60 = Vector512.Load(sums0 + 96), s70 = Vector512.Load(sums0 + 112);
        Vector512<float> s01 = Vector512.Load(sums1), s11 = Vector512.Load(sums1 + 16), s21 = Vector512.Load(sums1 + 32), s31 = Vector512.Load(sums1 + 48);
        Vector512<float> s41 = Vector512.Load(sums1 + 64), s51 = Vector512.Load(sums1 + 80), s61 = Vector512.Load(sums1 + 96), s71 = Vector512.Load(sums1 + 112);
        for (nint k = 0; k < columns; k++, w0 += TLanes.ColumnBytes, w1 += TLanes.ColumnBytes)
        {
            var p = TLanes.Load(w0);
            var q = TLanes.Load(w1);
            Add(p, q, x0[k], ref s00, ref s01);
            Add(p, q, x1[k], ref s10, ref s11);
            Add(p, q, x2[k], ref s20, ref s21);
            Add(p, q, x3[k], ref s30, ref s31);
            Add(p, q, x4[k], ref s40, ref s41);
            Add(p, q, x5[k], ref s50, ref s51);
            Add(p, q, x6[k], ref s60, ref s61);
            Add(p, q, x7[k], ref s70, ref s71);
        }
        s00.Store(sums0);
        s10.Store(sums0 + 16);
        s20.Store(sums0 + 32);
        s30.Store(sums0 + 48);
        s40.Store(sums0 + 64);
        s50.Store(sums0 + 80);
        s60.Store(sums0 + 96);
        s70.Store(sums0 + 112);
        s01.Store(sums1);
        s11.Store(sums1 + 16);
        s21.Store(sums1 + 32);
        s31.Store(sums1 + 48);
        s41.Store(sums1 + 64);
        s51.Store(sums1 + 80);
        s61.Store(sums1 + 96);
        s71.Store(sums1 + 112);
    }

    /// <summary>Adds a column of both panels times a token's value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(Vector512<float> p, Vector512<float> q, float x, ref Vector512<float> s0, ref Vector512<float> s1)
    {
        var a = Vector512.Create(x);
        s0 = Avx512F.FusedMultiplyAdd(p, a, s0);
        s1 = Avx512F.FusedMultiplyAdd(q, a, s1);
    }
}
