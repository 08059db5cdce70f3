using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>The four-token tile of <see cref="FloatTiles"/> over two panels at once, 16 rows a vector; the same bits.</summary>
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
        var (first, last) = (tile * Activations.TileTokens, x.Tokens - 1);
        var x0 = x.Singles + (long)first * x.Columns + column;
        var x1 = x.Singles + (long)Math.Min(first + 1, last) * x.Columns + column;
        var x2 = x.Singles + (long)Math.Min(first + 2, last) * x.Columns + column;
        var x3 = x.Singles + (long)Math.Min(first + 3, last) * x.Columns + column;
        // sTP: token T, panel P.
        Vector512<float> s00 = Vector512.Load(sums0), s10 = Vector512.Load(sums0 + 16), s20 = Vector512.Load(sums0 + 32), s30 = Vector512.Load(sums0 + 48);
        Vector512<float> s01 = Vector512.Load(sums1), s11 = Vector512.Load(sums1 + 16), s21 = Vector512.Load(sums1 + 32), s31 = Vector512.Load(sums1 + 48);
        for (nint k = 0; k < columns; k++, w0 += TLanes.ColumnBytes, w1 += TLanes.ColumnBytes)
        {
            var p = TLanes.Load(w0);
            var q = TLanes.Load(w1);
            var a = Vector512.Create(x0[k]);
            s00 = Avx512F.FusedMultiplyAdd(p, a, s00);
            s01 = Avx512F.FusedMultiplyAdd(q, a, s01);
            a = Vector512.Create(x1[k]);
            s10 = Avx512F.FusedMultiplyAdd(p, a, s10);
            s11 = Avx512F.FusedMultiplyAdd(q, a, s11);
            a = Vector512.Create(x2[k]);
            s20 = Avx512F.FusedMultiplyAdd(p, a, s20);
            s21 = Avx512F.FusedMultiplyAdd(q, a, s21);
            a = Vector512.Create(x3[k]);
            s30 = Avx512F.FusedMultiplyAdd(p, a, s30);
            s31 = Avx512F.FusedMultiplyAdd(q, a, s31);
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
        var (first, last) = (tile * Activations.TileTokens, x.Tokens - 1);
        var x0 = x.Singles + (long)first * x.Columns + column;
        var x1 = x.Singles + (long)Math.Min(first + 1, last) * x.Columns + column;
        var x2 = x.Singles + (long)Math.Min(first + 2, last) * x.Columns + column;
        var x3 = x.Singles + (long)Math.Min(first + 3, last) * x.Columns + column;
        var x4 = x.Singles + (long)Math.Min(first + 4, last) * x.Columns + column;
        var x5 = x.Singles + (long)Math.Min(first + 5, last) * x.Columns + column;
        var x6 = x.Singles + (long)Math.Min(first + 6, last) * x.Columns + column;
        var x7 = x.Singles + (long)Math.Min(first + 7, last) * x.Columns + column;
        // sTP: token T, panel P.
        Vector512<float> s00 = Vector512.Load(sums0), s10 = Vector512.Load(sums0 + 16), s20 = Vector512.Load(sums0 + 32), s30 = Vector512.Load(sums0 + 48);
        Vector512<float> s40 = Vector512.Load(sums0 + 64), s50 = Vector512.Load(sums0 + 80), s60 = Vector512.Load(sums0 + 96), s70 = Vector512.Load(sums0 + 112);
        Vector512<float> s01 = Vector512.Load(sums1), s11 = Vector512.Load(sums1 + 16), s21 = Vector512.Load(sums1 + 32), s31 = Vector512.Load(sums1 + 48);
        Vector512<float> s41 = Vector512.Load(sums1 + 64), s51 = Vector512.Load(sums1 + 80), s61 = Vector512.Load(sums1 + 96), s71 = Vector512.Load(sums1 + 112);
        for (nint k = 0; k < columns; k++, w0 += TLanes.ColumnBytes, w1 += TLanes.ColumnBytes)
        {
            var p = TLanes.Load(w0);
            var q = TLanes.Load(w1);
            var a = Vector512.Create(x0[k]);
            s00 = Avx512F.FusedMultiplyAdd(p, a, s00);
            s01 = Avx512F.FusedMultiplyAdd(q, a, s01);
            a = Vector512.Create(x1[k]);
            s10 = Avx512F.FusedMultiplyAdd(p, a, s10);
            s11 = Avx512F.FusedMultiplyAdd(q, a, s11);
            a = Vector512.Create(x2[k]);
            s20 = Avx512F.FusedMultiplyAdd(p, a, s20);
            s21 = Avx512F.FusedMultiplyAdd(q, a, s21);
            a = Vector512.Create(x3[k]);
            s30 = Avx512F.FusedMultiplyAdd(p, a, s30);
            s31 = Avx512F.FusedMultiplyAdd(q, a, s31);
            a = Vector512.Create(x4[k]);
            s40 = Avx512F.FusedMultiplyAdd(p, a, s40);
            s41 = Avx512F.FusedMultiplyAdd(q, a, s41);
            a = Vector512.Create(x5[k]);
            s50 = Avx512F.FusedMultiplyAdd(p, a, s50);
            s51 = Avx512F.FusedMultiplyAdd(q, a, s51);
            a = Vector512.Create(x6[k]);
            s60 = Avx512F.FusedMultiplyAdd(p, a, s60);
            s61 = Avx512F.FusedMultiplyAdd(q, a, s61);
            a = Vector512.Create(x7[k]);
            s70 = Avx512F.FusedMultiplyAdd(p, a, s70);
            s71 = Avx512F.FusedMultiplyAdd(q, a, s71);
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
}
