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
    static abstract void LoadFirst(byte* block, int eight, out Vector256<byte> w0, out Vector256<byte> w1);

    /// <summary>Columns 8·eight + 4 to 8·eight + 7 of rows 0-7 and 8-15.</summary>
    static abstract void LoadSecond(byte* block, int eight, out Vector256<byte> w0, out Vector256<byte> w1);
}

/// <summary>sums[t, row] += over blocks, in order: (sum of (w - 8)·a over 32, exact) · (row's scale · token's scale).</summary>
/// <remarks>
/// Products of bytes by maddubs, added up in int16: 8 x 2 x 15 x 127 = 30,480 fits. The 8 comes off afterwards as 8·(sum of a).
/// Both variants do the same roundings in the same order.
/// </remarks>
internal static unsafe class NibbleTiles
{
    private const int Tile = Activations.TileTokens;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply1<TBlocks>(byte* w, int blocks, sbyte* a, float* scales, int* sumsOfA, float* sums)
        where TBlocks : struct, INibbleBlocks
    {
        var y0 = Vector256.Load(sums);
        var y1 = Vector256.Load(sums + 8);
        var ones = Vector256.Create((short)1);
        for (; blocks > 0; blocks--, w += TBlocks.BlockBytes, a += 32 * Tile, scales += Tile, sumsOfA += Tile)
        {
            Vector256<short> s0 = default, s1 = default;
            for (var eight = 0; eight < 4; eight++)
            {
                TBlocks.LoadFirst(w, eight, out var w0, out var w1);
                var a0 = Four(a, 2 * eight, 0);
                s0 += Avx2.MultiplyAddAdjacent(w0, a0);
                s1 += Avx2.MultiplyAddAdjacent(w1, a0);
                TBlocks.LoadSecond(w, eight, out w0, out w1);
                a0 = Four(a, 2 * eight + 1, 0);
                s0 += Avx2.MultiplyAddAdjacent(w0, a0);
                s1 += Avx2.MultiplyAddAdjacent(w1, a0);
            }
            TBlocks.LoadScales(w, out var d0, out var d1);
            var scale = Vector256.Create(scales[0]);
            var offset = Vector256.Create(sumsOfA[0] * 8);
            y0 = Fma.MultiplyAdd(Vector256.ConvertToSingle(Avx2.MultiplyAddAdjacent(s0, ones) - offset), d0 * scale, y0);
            y1 = Fma.MultiplyAdd(Vector256.ConvertToSingle(Avx2.MultiplyAddAdjacent(s1, ones) - offset), d1 * scale, y1);
        }
        y0.Store(sums);
        y1.Store(sums + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply4<TBlocks>(byte* w, int blocks, sbyte* a, float* scales, int* sumsOfA, float* sums)
        where TBlocks : struct, INibbleBlocks
    {
        for (; blocks > 0; blocks--, w += TBlocks.BlockBytes, a += 32 * Tile, scales += Tile, sumsOfA += Tile)
        {
            // sTH: token T, rows of half H, two int16 a row.
            Vector256<short> s00 = default, s01 = default, s10 = default, s11 = default;
            Vector256<short> s20 = default, s21 = default, s30 = default, s31 = default;
            for (var eight = 0; eight < 4; eight++)
            {
                TBlocks.LoadFirst(w, eight, out var w0, out var w1);
                Add(w0, w1, a, 2 * eight, ref s00, ref s01, ref s10, ref s11, ref s20, ref s21, ref s30, ref s31);
                TBlocks.LoadSecond(w, eight, out w0, out w1);
                Add(w0, w1, a, 2 * eight + 1, ref s00, ref s01, ref s10, ref s11, ref s20, ref s21, ref s30, ref s31);
            }
            TBlocks.LoadScales(w, out var d0, out var d1);
            Scale(s00, s01, d0, d1, scales[0], sumsOfA[0], sums);
            Scale(s10, s11, d0, d1, scales[1], sumsOfA[1], sums + 16);
            Scale(s20, s21, d0, d1, scales[2], sumsOfA[2], sums + 32);
            Scale(s30, s31, d0, d1, scales[3], sumsOfA[3], sums + 48);
        }
    }

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
        Vector256<short> s0, Vector256<short> s1, Vector256<float> d0, Vector256<float> d1, float tokenScale, int sumOfA, float* sums)
    {
        var ones = Vector256.Create((short)1);
        var scale = Vector256.Create(tokenScale);
        var offset = Vector256.Create(sumOfA * 8);
        var t0 = Vector256.ConvertToSingle(Avx2.MultiplyAddAdjacent(s0, ones) - offset);
        var t1 = Vector256.ConvertToSingle(Avx2.MultiplyAddAdjacent(s1, ones) - offset);
        Fma.MultiplyAdd(t0, d0 * scale, Vector256.Load(sums)).Store(sums);
        Fma.MultiplyAdd(t1, d1 * scale, Vector256.Load(sums + 8)).Store(sums + 8);
    }
}
