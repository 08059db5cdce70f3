using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>How a kernel reads 4-bit weights 0 to 15 as bytes: blocks of 16 rows x 32 columns, four columns of a row together.</summary>
internal unsafe interface INibbleBlocks
{
    /// <summary>Distance from block to block.</summary>
    static abstract int BlockBytes { get; }

    /// <summary>Scales of rows 0-7 and 8-15.</summary>
    static abstract void LoadScales(byte* block, out Vector256<float> w0, out Vector256<float> w1);

    /// <summary>Columns 8·eight to 8·eight + 3 of rows 0-7 and 8-15.</summary>
    static abstract void LoadFirst(byte* block, nint eight, out Vector256<byte> w0, out Vector256<byte> w1);

    /// <summary>Columns 8·eight + 4 to 8·eight + 7 of rows 0-7 and 8-15.</summary>
    static abstract void LoadSecond(byte* block, nint eight, out Vector256<byte> w0, out Vector256<byte> w1);
}

/// <summary>Where a tile's activations in blocks of 32 begin.</summary>
internal unsafe struct NibbleTokens
{
    /// <summary>int8 [8 fours, 4 tokens, 4] a block.</summary>
    public sbyte* Values;

    /// <summary>[4 tokens] a block.</summary>
    public float* Scales;

    /// <summary>-8·(sums of values) [4 tokens, 2] a block.</summary>
    public short* Offsets;

    public static NibbleTokens At(in Activations x, int tile, int column)
    {
        var first = ((long)tile * x.Columns + column) * Activations.TileTokens;
        return new NibbleTokens { Values = x.Narrow32 + first, Scales = x.Scales32 + first / 32, Offsets = x.Offsets32 + first / 16 };
    }

    /// <summary>Steps to the next 32 columns.</summary>
    public void Advance()
    {
        Values += 32 * Activations.TileTokens;
        Scales += Activations.TileTokens;
        Offsets += 2 * Activations.TileTokens;
    }
}

/// <summary>sums[t, row] += over blocks, in order: (sum of (w - 8)·a over 32, exact) · (row's scale · token's scale).</summary>
/// <remarks>
/// A vector of bytes holds four columns of its rows, maddubs leaves two int16 a row:
/// <code>
/// byte      0   1   2   3   4  ...  31      (256 bits: rows 0-7, then 8-15; 512 bits: all 16)
/// row       0   0   0   0   1  ...  7
/// column    4f +1  +2  +3   4f ...  4f+3
/// int16     0       1       2  ...  15
/// </code>
/// Each int16 adds up 16 columns: (w - 8)·a over them is at most 16 x 8 x 127 = 16,256. The sums begin at -8·(sum of a) and may
/// wrap on the way, as w·a alone reaches 30,480; the end is exact. All variants do the same roundings in the same order.
/// </remarks>
internal static unsafe class NibbleTiles
{
    private const int Tile = Activations.TileTokens;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply1<TBlocks>(byte* w, int blocks, NibbleTokens x, float* sums)
        where TBlocks : struct, INibbleBlocks
    {
        var y0 = Vector256.Load(sums);
        var y1 = Vector256.Load(sums + 8);
        var ones = Vector256.Create((short)1);
        for (; blocks > 0; blocks--, w += TBlocks.BlockBytes, x.Advance())
        {
            Streaming.Prefetch(w + Streaming.AheadBytes, TBlocks.BlockBytes);
            var a = x.Values;
            var s0 = Offset(x.Offsets, 0);
            var s1 = s0;
            for (nint eight = 0; eight < 4; eight++, a += 8 * Tile)
            {
                TBlocks.LoadFirst(w, eight, out var w0, out var w1);
                var a0 = Four(a, 0, 0);
                s0 += Avx2.MultiplyAddAdjacent(w0, a0);
                s1 += Avx2.MultiplyAddAdjacent(w1, a0);
                TBlocks.LoadSecond(w, eight, out w0, out w1);
                a0 = Four(a, 1, 0);
                s0 += Avx2.MultiplyAddAdjacent(w0, a0);
                s1 += Avx2.MultiplyAddAdjacent(w1, a0);
            }
            TBlocks.LoadScales(w, out var d0, out var d1);
            var scale = Vector256.Create(x.Scales[0]);
            y0 = Fma.MultiplyAdd(Vector256.ConvertToSingle(Avx2.MultiplyAddAdjacent(s0, ones)), d0 * scale, y0);
            y1 = Fma.MultiplyAdd(Vector256.ConvertToSingle(Avx2.MultiplyAddAdjacent(s1, ones)), d1 * scale, y1);
        }
        y0.Store(sums);
        y1.Store(sums + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply4<TBlocks>(byte* w, int blocks, NibbleTokens x, float* sums)
        where TBlocks : struct, INibbleBlocks
    {
        for (; blocks > 0; blocks--, w += TBlocks.BlockBytes, x.Advance())
        {
            var a = x.Values;
            // sTH: token T, rows of half H, two int16 a row.
            Vector256<short> s00 = Offset(x.Offsets, 0), s10 = Offset(x.Offsets, 1), s20 = Offset(x.Offsets, 2), s30 = Offset(x.Offsets, 3);
            Vector256<short> s01 = s00, s11 = s10, s21 = s20, s31 = s30;
            for (nint eight = 0; eight < 4; eight++, a += 8 * Tile)
            {
                TBlocks.LoadFirst(w, eight, out var w0, out var w1);
                Add(w0, w1, a, 0, ref s00, ref s01, ref s10, ref s11, ref s20, ref s21, ref s30, ref s31);
                TBlocks.LoadSecond(w, eight, out w0, out w1);
                Add(w0, w1, a, 1, ref s00, ref s01, ref s10, ref s11, ref s20, ref s21, ref s30, ref s31);
            }
            TBlocks.LoadScales(w, out var d0, out var d1);
            Scale(s00, s01, d0, d1, x.Scales[0], sums);
            Scale(s10, s11, d0, d1, x.Scales[1], sums + 16);
            Scale(s20, s21, d0, d1, x.Scales[2], sums + 32);
            Scale(s30, s31, d0, d1, x.Scales[3], sums + 48);
        }
    }

    /// <summary>A token's two offsets in every row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> Offset(short* offsets, int token) =>
        Avx2.BroadcastScalarToVector256((int*)offsets + token).AsInt16();

    /// <summary>Four of a token's values in every lane of four bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Four(sbyte* a, int four, int token) =>
        Avx2.BroadcastScalarToVector256((int*)a + four * Tile + token).AsSByte();

    /// <summary>Adds four columns of 16 rows times four tokens.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(
        Vector256<byte> w0, Vector256<byte> w1, sbyte* a, int four, ref Vector256<short> s00, ref Vector256<short> s01,
        ref Vector256<short> s10, ref Vector256<short> s11, ref Vector256<short> s20, ref Vector256<short> s21,
        ref Vector256<short> s30, ref Vector256<short> s31)
    {
        var a0 = Four(a, four, 0);
        s00 += Avx2.MultiplyAddAdjacent(w0, a0);
        s01 += Avx2.MultiplyAddAdjacent(w1, a0);
        var a1 = Four(a, four, 1);
        s10 += Avx2.MultiplyAddAdjacent(w0, a1);
        s11 += Avx2.MultiplyAddAdjacent(w1, a1);
        var a2 = Four(a, four, 2);
        s20 += Avx2.MultiplyAddAdjacent(w0, a2);
        s21 += Avx2.MultiplyAddAdjacent(w1, a2);
        var a3 = Four(a, four, 3);
        s30 += Avx2.MultiplyAddAdjacent(w0, a3);
        s31 += Avx2.MultiplyAddAdjacent(w1, a3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scale(
        Vector256<short> s0, Vector256<short> s1, Vector256<float> d0, Vector256<float> d1, float tokenScale, float* sums)
    {
        var ones = Vector256.Create((short)1);
        var scale = Vector256.Create(tokenScale);
        var t0 = Vector256.ConvertToSingle(Avx2.MultiplyAddAdjacent(s0, ones));
        var t1 = Vector256.ConvertToSingle(Avx2.MultiplyAddAdjacent(s1, ones));
        Fma.MultiplyAdd(t0, d0 * scale, Vector256.Load(sums)).Store(sums);
        Fma.MultiplyAdd(t1, d1 * scale, Vector256.Load(sums + 8)).Store(sums + 8);
    }
}
