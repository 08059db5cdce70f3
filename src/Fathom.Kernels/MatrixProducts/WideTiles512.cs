using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>The four-token tile of <see cref="WideTiles"/> over two panels at once, 16 rows a vector.</summary>
/// <remarks>
/// Two panels share the broadcasts of the activations: with one, loads and not multiplications set the pace. The same sums
/// and roundings in the same order as in 256 bits, so the results are equal bit by bit.
/// </remarks>
internal static unsafe class WideTiles512
{
    private const int Tile = Activations.TileTokens;

    /// <param name="w0">First panel's blocks.</param>
    /// <param name="w1">Second panel's blocks.</param>
    /// <param name="columns">A whole number of blocks.</param>
    /// <param name="x">A tile of four tokens.</param>
    /// <param name="sums0">First panel's sums [4 tokens, 16 rows]; added to.</param>
    /// <param name="sums1">Second panel's.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply4<TBlocks>(byte* w0, byte* w1, int columns, WideTokens x, float* sums0, float* sums1)
        where TBlocks : struct, IWideBlocks
    {
        var a = x.Values;
        for (nint column = 0; column < columns; column += TBlocks.BlockColumns, w0 += TBlocks.BlockBytes, w1 += TBlocks.BlockBytes)
        {
            for (nint sub = 0; sub < TBlocks.BlockColumns / TBlocks.SubColumns; sub++)
            {
                // sTP: token T, panel P, one int32 a row.
                Vector512<int> s00 = default, s01 = default, s10 = default, s11 = default;
                Vector512<int> s20 = default, s21 = default, s30 = default, s31 = default;
                for (nint quad = 0; quad < TBlocks.SubColumns / 4; quad++, a += 4 * Tile)
                {
                    TBlocks.Load(w0, sub * (TBlocks.SubColumns / 4) + quad, out Vector512<short> p0, out var p1);
                    TBlocks.Load(w1, sub * (TBlocks.SubColumns / 4) + quad, out Vector512<short> q0, out var q1);
                    Add(p0, q0, Pair(a, 0, 0), ref s00, ref s01);
                    Add(p0, q0, Pair(a, 0, 1), ref s10, ref s11);
                    Add(p0, q0, Pair(a, 0, 2), ref s20, ref s21);
                    Add(p0, q0, Pair(a, 0, 3), ref s30, ref s31);
                    Add(p1, q1, Pair(a, 1, 0), ref s00, ref s01);
                    Add(p1, q1, Pair(a, 1, 1), ref s10, ref s11);
                    Add(p1, q1, Pair(a, 1, 2), ref s20, ref s21);
                    Add(p1, q1, Pair(a, 1, 3), ref s30, ref s31);
                }
                var at = column + sub * TBlocks.SubColumns;
                var scales = x.Scales + at / 32 * Tile;
                var sumsOfA = x.Sums16 + at / 16 * Tile;
                var d0 = Rows16(TBlocks.LoadScales(w0, sub, 0), TBlocks.LoadScales(w0, sub, 1));
                var d1 = Rows16(TBlocks.LoadScales(w1, sub, 0), TBlocks.LoadScales(w1, sub, 1));
                Vector512<float> m0 = default, m1 = default;
                if (TBlocks.HasMins)
                {
                    m0 = Rows16(TBlocks.LoadMins(w0, sub, 0), TBlocks.LoadMins(w0, sub, 1));
                    m1 = Rows16(TBlocks.LoadMins(w1, sub, 0), TBlocks.LoadMins(w1, sub, 1));
                }
                Scale<TBlocks>(s00, d0, m0, scales[0], sumsOfA, 0, sums0);
                Scale<TBlocks>(s01, d1, m1, scales[0], sumsOfA, 0, sums1);
                Scale<TBlocks>(s10, d0, m0, scales[1], sumsOfA, 1, sums0 + 16);
                Scale<TBlocks>(s11, d1, m1, scales[1], sumsOfA, 1, sums1 + 16);
                Scale<TBlocks>(s20, d0, m0, scales[2], sumsOfA, 2, sums0 + 32);
                Scale<TBlocks>(s21, d1, m1, scales[2], sumsOfA, 2, sums1 + 32);
                Scale<TBlocks>(s30, d0, m0, scales[3], sumsOfA, 3, sums0 + 48);
                Scale<TBlocks>(s31, d1, m1, scales[3], sumsOfA, 3, sums1 + 48);
            }
        }
    }

    /// <summary>The token's two values in every lane; pair 0 or 1 of a quad of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Pair(short* a, int pair, int token) => Vector512.Create(((int*)a)[pair * Tile + token]).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(Vector512<short> w0, Vector512<short> w1, Vector512<short> a, ref Vector512<int> s0, ref Vector512<int> s1)
    {
        s0 += Avx512BW.MultiplyAddAdjacent(w0, a);
        s1 += Avx512BW.MultiplyAddAdjacent(w1, a);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Rows16(Vector256<float> low, Vector256<float> high) => Vector512.Create(low, high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scale<TBlocks>(
        Vector512<int> s, Vector512<float> d, Vector512<float> m, float tokenScale, int* sumsOfA, int token, float* sums)
        where TBlocks : struct, IWideBlocks
    {
        var y = Vector512.Load(sums);
        var scale = Vector512.Create(tokenScale);
        if (TBlocks.HasMins)
            y = Avx512F.FusedMultiplyAdd(Vector512.Create((float)WideTiles.SumOfA<TBlocks>(sumsOfA, token)), m * scale, y);
        Avx512F.FusedMultiplyAdd(Vector512.ConvertToSingle(s), d * scale, y).Store(sums);
    }
}
