using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>How a kernel reads int16 weights: blocks of 16 rows x 32 columns with a scale a row.</summary>
internal unsafe interface IWideBlocks
{
    /// <summary>Distance from block to block.</summary>
    static abstract int BlockBytes { get; }

    /// <summary>Scales of rows 0-7 and 8-15.</summary>
    static abstract void LoadScales(byte* block, out Vector256<float> w0, out Vector256<float> w1);

    /// <summary>Columns 2·pair and 2·pair + 1 of rows 0-7 and 8-15.</summary>
    static abstract void Load(byte* block, int pair, out Vector256<short> w0, out Vector256<short> w1);
}

/// <summary>sums[t, row] += over blocks, in order: (sum of w·a over 32, exact in int32) · (row's scale · token's scale).</summary>
/// <remarks>
/// One, two or four tokens against 16 rows. Products of int16 pairs by maddwd: no saturation, since |w·a| is at most
/// 128·127. Every variant does the same roundings in the same order, so their results are equal bit by bit.
/// </remarks>
internal static unsafe class WideTiles
{
    private const int Tile = Activations.TileTokens;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply1<TBlocks>(byte* w, int blocks, short* a, float* scales, float* sums)
        where TBlocks : struct, IWideBlocks
    {
        var y0 = Vector256.Load(sums);
        var y1 = Vector256.Load(sums + 8);
        for (; blocks > 0; blocks--, w += TBlocks.BlockBytes, a += 32 * Tile, scales += Tile)
        {
            Vector256<int> s0 = default, s1 = default;
            Streaming.Prefetch(w + Streaming.AheadBytes, TBlocks.BlockBytes);
            for (var pair = 0; pair < 16; pair++)
            {
                TBlocks.Load(w, pair, out var w0, out var w1);
                var a0 = Pair(a, pair, 0);
                s0 += Avx2.MultiplyAddAdjacent(w0, a0);
                s1 += Avx2.MultiplyAddAdjacent(w1, a0);
            }
            TBlocks.LoadScales(w, out var d0, out var d1);
            var scale = Vector256.Create(scales[0]);
            y0 = Fma.MultiplyAdd(Vector256.ConvertToSingle(s0), d0 * scale, y0);
            y1 = Fma.MultiplyAdd(Vector256.ConvertToSingle(s1), d1 * scale, y1);
        }
        y0.Store(sums);
        y1.Store(sums + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply2<TBlocks>(byte* w, int blocks, short* a, float* scales, float* sums)
        where TBlocks : struct, IWideBlocks
    {
        for (; blocks > 0; blocks--, w += TBlocks.BlockBytes, a += 32 * Tile, scales += Tile)
        {
            Vector256<int> s00 = default, s01 = default, s10 = default, s11 = default;
            for (var pair = 0; pair < 16; pair++)
            {
                TBlocks.Load(w, pair, out var w0, out var w1);
                var a0 = Pair(a, pair, 0);
                s00 += Avx2.MultiplyAddAdjacent(w0, a0);
                s01 += Avx2.MultiplyAddAdjacent(w1, a0);
                var a1 = Pair(a, pair, 1);
                s10 += Avx2.MultiplyAddAdjacent(w0, a1);
                s11 += Avx2.MultiplyAddAdjacent(w1, a1);
            }
            TBlocks.LoadScales(w, out var d0, out var d1);
            Scale(s00, s01, d0, d1, scales[0], sums);
            Scale(s10, s11, d0, d1, scales[1], sums + 16);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply4<TBlocks>(byte* w, int blocks, short* a, float* scales, float* sums)
        where TBlocks : struct, IWideBlocks
    {
        for (; blocks > 0; blocks--, w += TBlocks.BlockBytes, a += 32 * Tile, scales += Tile)
        {
            // sTH: token T, rows of half H, one int32 a row.
            Vector256<int> s00 = default, s01 = default, s10 = default, s11 = default;
            Vector256<int> s20 = default, s21 = default, s30 = default, s31 = default;
            for (var pair = 0; pair < 16; pair++)
            {
                TBlocks.Load(w, pair, out var w0, out var w1);
                var a0 = Pair(a, pair, 0);
                s00 += Avx2.MultiplyAddAdjacent(w0, a0);
                s01 += Avx2.MultiplyAddAdjacent(w1, a0);
                var a1 = Pair(a, pair, 1);
                s10 += Avx2.MultiplyAddAdjacent(w0, a1);
                s11 += Avx2.MultiplyAddAdjacent(w1, a1);
                var a2 = Pair(a, pair, 2);
                s20 += Avx2.MultiplyAddAdjacent(w0, a2);
                s21 += Avx2.MultiplyAddAdjacent(w1, a2);
                var a3 = Pair(a, pair, 3);
                s30 += Avx2.MultiplyAddAdjacent(w0, a3);
                s31 += Avx2.MultiplyAddAdjacent(w1, a3);
            }
            TBlocks.LoadScales(w, out var d0, out var d1);
            Scale(s00, s01, d0, d1, scales[0], sums);
            Scale(s10, s11, d0, d1, scales[1], sums + 16);
            Scale(s20, s21, d0, d1, scales[2], sums + 32);
            Scale(s30, s31, d0, d1, scales[3], sums + 48);
        }
    }

    /// <summary>The token's two values in every lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Pair(short* a, int pair, int token) =>
        Avx2.BroadcastScalarToVector256((int*)a + pair * Tile + token).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scale(
        Vector256<int> s0, Vector256<int> s1, Vector256<float> d0, Vector256<float> d1, float tokenScale, float* sums)
    {
        var scale = Vector256.Create(tokenScale);
        Fma.MultiplyAdd(Vector256.ConvertToSingle(s0), d0 * scale, Vector256.Load(sums)).Store(sums);
        Fma.MultiplyAdd(Vector256.ConvertToSingle(s1), d1 * scale, Vector256.Load(sums + 8)).Store(sums + 8);
    }
}
