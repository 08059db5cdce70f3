using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>How a kernel reads weights as singles: one column of 16 rows at a time.</summary>
internal unsafe interface IFloatLanes
{
    /// <summary>Bytes of one column.</summary>
    static abstract int ColumnBytes { get; }

    /// <summary>Rows 0-7 and 8-15 of the column at this address.</summary>
    static abstract void Load(byte* column, out Vector256<float> w0, out Vector256<float> w1);

    /// <summary>All 16 rows of the column at this address.</summary>
    static abstract Vector512<float> Load(byte* column);
}

/// <summary>Columns of 16 singles.</summary>
internal readonly unsafe struct SingleLanes : IFloatLanes
{
    public static int ColumnBytes => 64;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* column, out Vector256<float> w0, out Vector256<float> w1)
    {
        w0 = Vector256.Load((float*)column);
        w1 = Vector256.Load((float*)column + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(byte* column) => Vector512.Load((float*)column);
}

/// <summary>sums[t, row] = fma over columns, in order, of w[column, row] and x[t, column].</summary>
internal static unsafe class FloatTiles
{
    /// <summary>Multiplies a tile's first 1, 2 or (for 3 and 4) four tokens; tokens beyond the last repeat it.</summary>
    public static void Multiply<TLanes>(byte* w, int columns, in Activations x, int tile, int column, int tokens, float* sums)
        where TLanes : struct, IFloatLanes
    {
        // SAFETY: every pointer is at the same column of an existing token.
        var first = tile * Activations.TileTokens;
        float* x0 = x.SinglesAt(first, column), x1 = x.SinglesAt(first + 1, column);
        if (tokens == 1)
            Multiply1<TLanes>(w, columns, x0, sums);
        else if (tokens == 2)
            Multiply2<TLanes>(w, columns, x0, x1, sums);
        else
            Multiply4<TLanes>(w, columns, x0, x1, x.SinglesAt(first + 2, column), x.SinglesAt(first + 3, column), sums);
    }

    /// <summary>Converts columns to singles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Unpack<TLanes>(byte* w, int columns, float* target)
        where TLanes : struct, IFloatLanes
    {
        for (; columns > 0; columns--, w += TLanes.ColumnBytes, target += 16)
        {
            TLanes.Load(w, out var w0, out var w1);
            w0.Store(target);
            w1.Store(target + 8);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply1<TLanes>(byte* w, int columns, float* x0, float* sums)
        where TLanes : struct, IFloatLanes
    {
        var s00 = Vector256.Load(sums);
        var s01 = Vector256.Load(sums + 8);
        nint k = 0;
        if (2 * TLanes.ColumnBytes <= Streaming.LineBytes)
        {
            // Two columns a cache line.
            for (; k + 1 < columns; k += 2, w += 2 * TLanes.ColumnBytes)
            {
                Streaming.Prefetch(w + Streaming.AheadBytes, Streaming.LineBytes);
                Add<TLanes>(w, x0 + k, ref s00, ref s01);
                Add<TLanes>(w + TLanes.ColumnBytes, x0 + k + 1, ref s00, ref s01);
            }
        }
        for (; k < columns; k++, w += TLanes.ColumnBytes)
        {
            Streaming.Prefetch(w + Streaming.AheadBytes, Streaming.LineBytes);
            Add<TLanes>(w, x0 + k, ref s00, ref s01);
        }
        s00.Store(sums);
        s01.Store(sums + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TLanes>(byte* w, float* x, ref Vector256<float> s0, ref Vector256<float> s1)
        where TLanes : struct, IFloatLanes
    {
        TLanes.Load(w, out var w0, out var w1);
        var a = Avx.BroadcastScalarToVector256(x);
        s0 = Fma.MultiplyAdd(w0, a, s0);
        s1 = Fma.MultiplyAdd(w1, a, s1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply2<TLanes>(byte* w, int columns, float* x0, float* x1, float* sums)
        where TLanes : struct, IFloatLanes
    {
        var s00 = Vector256.Load(sums);
        var s01 = Vector256.Load(sums + 8);
        var s10 = Vector256.Load(sums + 16);
        var s11 = Vector256.Load(sums + 24);
        for (nint k = 0; k < columns; k++, w += TLanes.ColumnBytes)
        {
            TLanes.Load(w, out var w0, out var w1);
            var a0 = Avx.BroadcastScalarToVector256(x0 + k);
            s00 = Fma.MultiplyAdd(w0, a0, s00);
            s01 = Fma.MultiplyAdd(w1, a0, s01);
            var a1 = Avx.BroadcastScalarToVector256(x1 + k);
            s10 = Fma.MultiplyAdd(w0, a1, s10);
            s11 = Fma.MultiplyAdd(w1, a1, s11);
        }
        s00.Store(sums);
        s01.Store(sums + 8);
        s10.Store(sums + 16);
        s11.Store(sums + 24);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply4<TLanes>(byte* w, int columns, float* x0, float* x1, float* x2, float* x3, float* sums)
        where TLanes : struct, IFloatLanes
    {
        // sTH: token T, rows of half H.
        var s00 = Vector256.Load(sums);
        var s01 = Vector256.Load(sums + 8);
        var s10 = Vector256.Load(sums + 16);
        var s11 = Vector256.Load(sums + 24);
        var s20 = Vector256.Load(sums + 32);
        var s21 = Vector256.Load(sums + 40);
        var s30 = Vector256.Load(sums + 48);
        var s31 = Vector256.Load(sums + 56);
        for (nint k = 0; k < columns; k++, w += TLanes.ColumnBytes)
        {
            TLanes.Load(w, out var w0, out var w1);
            var a0 = Avx.BroadcastScalarToVector256(x0 + k);
            s00 = Fma.MultiplyAdd(w0, a0, s00);
            s01 = Fma.MultiplyAdd(w1, a0, s01);
            var a1 = Avx.BroadcastScalarToVector256(x1 + k);
            s10 = Fma.MultiplyAdd(w0, a1, s10);
            s11 = Fma.MultiplyAdd(w1, a1, s11);
            var a2 = Avx.BroadcastScalarToVector256(x2 + k);
            s20 = Fma.MultiplyAdd(w0, a2, s20);
            s21 = Fma.MultiplyAdd(w1, a2, s21);
            var a3 = Avx.BroadcastScalarToVector256(x3 + k);
            s30 = Fma.MultiplyAdd(w0, a3, s30);
            s31 = Fma.MultiplyAdd(w1, a3, s31);
        }
        s00.Store(sums);
        s01.Store(sums + 8);
        s10.Store(sums + 16);
        s11.Store(sums + 24);
        s20.Store(sums + 32);
        s21.Store(sums + 40);
        s30.Store(sums + 48);
        s31.Store(sums + 56);
    }
}
