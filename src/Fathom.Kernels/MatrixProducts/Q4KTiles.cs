using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>
/// sums[t, row] += over blocks of 256, in order: -(sum of min·(sum of a)) · (dmin · token's scale), then
/// (sum of scale·(sum of q·a)) · (d · token's scale); both sums exact in int32.
/// </summary>
/// <remarks>Within a sub-block of 32, int16 holds 8 x 2 x 15 x 127 = 30,480; maddwd with the sub-scale widens it.</remarks>
internal static unsafe class Q4KTiles
{
    private const int Tile = Activations.TileTokens;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply1Packed(byte* w, int blocks, SuperTokens x, float* sums)
    {
        var y0 = Vector256.Load(sums);
        var y1 = Vector256.Load(sums + 8);
        for (; blocks > 0; blocks--, w += Q4KPanels.PackedBlockBytes, x.Advance())
        {
            // One int32 a row: s scaled products, m scaled sums of activations.
            Vector256<int> s0 = default, s1 = default, m0 = default, m1 = default;
            for (nint pair = 0; pair < 4; pair++)
            {
                Streaming.Prefetch(w + Streaming.AheadBytes + pair * (Q4KPanels.PackedBlockBytes / 4), Q4KPanels.PackedBlockBytes / 4);
                var sumsOfA = Avx2.BroadcastScalarToVector256((int*)x.PairSums32 + pair * Tile).AsInt16();
                m0 += Avx2.MultiplyAddAdjacent(PackedQ4K.LoadMins(w, pair, 0), sumsOfA);
                m1 += Avx2.MultiplyAddAdjacent(PackedQ4K.LoadMins(w, pair, 1), sumsOfA);
                var scales0 = Avx2.ConvertToVector256Int16(w + Q4KPanels.PackedScales + pair * 32);
                var scales1 = Avx2.ConvertToVector256Int16(w + Q4KPanels.PackedScales + pair * 32 + 16);
                Products(w, 2 * pair, x.Values, out var p0, out var p1);
                s0 += Avx2.MultiplyAddAdjacent(p0, ScalePairs.First(scales0));
                s1 += Avx2.MultiplyAddAdjacent(p1, ScalePairs.First(scales1));
                Products(w, 2 * pair + 1, x.Values, out p0, out p1);
                s0 += Avx2.MultiplyAddAdjacent(p0, ScalePairs.Second(scales0));
                s1 += Avx2.MultiplyAddAdjacent(p1, ScalePairs.Second(scales1));
            }
            var scale = Vector256.Create(x.Scales[0]);
            y0 = Fma.MultiplyAddNegated(Vector256.ConvertToSingle(m0), PackedQ4K.LoadFactor(w, 16) * scale, y0);
            y1 = Fma.MultiplyAddNegated(Vector256.ConvertToSingle(m1), PackedQ4K.LoadFactor(w, 24) * scale, y1);
            y0 = Fma.MultiplyAdd(Vector256.ConvertToSingle(s0), PackedQ4K.LoadFactor(w, 0) * scale, y0);
            y1 = Fma.MultiplyAdd(Vector256.ConvertToSingle(s1), PackedQ4K.LoadFactor(w, 8) * scale, y1);
        }
        y0.Store(sums);
        y1.Store(sums + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply4<TBlocks>(byte* w, int blocks, SuperTokens x, float* sums)
        where TBlocks : struct, IQ4KBlocks
    {
        // Scaled sums, one int32 a row: [4 tokens, 16 rows]. With the int16 sums they are too many for the registers.
        var s = stackalloc int[Tile * 16];
        for (; blocks > 0; blocks--, w += TBlocks.BlockBytes, x.Advance())
        {
            for (var half = 0; half < 2; half++)
            {
                Vector256<int> m0 = default, m1 = default, m2 = default, m3 = default;
                for (nint pair = 0; pair < 4; pair++)
                {
                    var mins = TBlocks.LoadMins(w, pair, half);
                    var sumsOfA = (int*)x.PairSums32 + pair * Tile;
                    m0 += Avx2.MultiplyAddAdjacent(mins, Avx2.BroadcastScalarToVector256(sumsOfA).AsInt16());
                    m1 += Avx2.MultiplyAddAdjacent(mins, Avx2.BroadcastScalarToVector256(sumsOfA + 1).AsInt16());
                    m2 += Avx2.MultiplyAddAdjacent(mins, Avx2.BroadcastScalarToVector256(sumsOfA + 2).AsInt16());
                    m3 += Avx2.MultiplyAddAdjacent(mins, Avx2.BroadcastScalarToVector256(sumsOfA + 3).AsInt16());
                }
                var dmin = TBlocks.LoadFactor(w, 16 + half * 8);
                Subtract(m0, dmin, x.Scales[0], sums + half * 8);
                Subtract(m1, dmin, x.Scales[1], sums + 16 + half * 8);
                Subtract(m2, dmin, x.Scales[2], sums + 32 + half * 8);
                Subtract(m3, dmin, x.Scales[3], sums + 48 + half * 8);
            }
            new Span<int>(s, Tile * 16).Clear();
            var a = x.Values;
            for (nint sub = 0; sub < 8; sub++)
            {
                // sTH: token T, rows of half H, two int16 a row.
                Vector256<short> s00 = default, s01 = default, s10 = default, s11 = default;
                Vector256<short> s20 = default, s21 = default, s30 = default, s31 = default;
                for (var eight = sub * 4; eight < sub * 4 + 4; eight++, a += 8 * Tile)
                {
                    TBlocks.LoadFirst(w, eight, out var w0, out var w1);
                    NibbleTiles.Add(w0, w1, a, 0, ref s00, ref s01, ref s10, ref s11, ref s20, ref s21, ref s30, ref s31);
                    TBlocks.LoadSecond(w, eight, out w0, out w1);
                    NibbleTiles.Add(w0, w1, a, 1, ref s00, ref s01, ref s10, ref s11, ref s20, ref s21, ref s30, ref s31);
                }
                var scales = TBlocks.LoadScales(w, sub, 0);
                AddScaled(s00, scales, s);
                AddScaled(s10, scales, s + 16);
                AddScaled(s20, scales, s + 32);
                AddScaled(s30, scales, s + 48);
                scales = TBlocks.LoadScales(w, sub, 1);
                AddScaled(s01, scales, s + 8);
                AddScaled(s11, scales, s + 24);
                AddScaled(s21, scales, s + 40);
                AddScaled(s31, scales, s + 56);
            }
            for (var t = 0; t < Tile; t++)
            {
                var scale = Vector256.Create(x.Scales[t]);
                for (var row = 0; row < 16; row += 8)
                {
                    var product = Vector256.ConvertToSingle(Vector256.Load(s + t * 16 + row));
                    Fma.MultiplyAdd(product, TBlocks.LoadFactor(w, row) * scale, Vector256.Load(sums + t * 16 + row)).Store(sums + t * 16 + row);
                }
            }
        }
    }

    /// <summary>Sums of q·a over a sub-block of 32 for one token, two int16 a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Products(byte* w, nint sub, sbyte* a, out Vector256<short> p0, out Vector256<short> p1)
    {
        p0 = default;
        p1 = default;
        a += sub * 32 * Tile;
        for (var eight = sub * 4; eight < sub * 4 + 4; eight++, a += 8 * Tile)
        {
            PackedQ4K.LoadFirst(w, eight, out var w0, out var w1);
            var a0 = NibbleTiles.Four(a, 0, 0);
            p0 += Avx2.MultiplyAddAdjacent(w0, a0);
            p1 += Avx2.MultiplyAddAdjacent(w1, a0);
            PackedQ4K.LoadSecond(w, eight, out w0, out w1);
            a0 = NibbleTiles.Four(a, 1, 0);
            p0 += Avx2.MultiplyAddAdjacent(w0, a0);
            p1 += Avx2.MultiplyAddAdjacent(w1, a0);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddScaled(Vector256<short> products, Vector256<short> scales, int* s) =>
        (Vector256.Load(s) + Avx2.MultiplyAddAdjacent(products, scales)).Store(s);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Subtract(Vector256<int> m, Vector256<float> dmin, float scale, float* sums) =>
        Fma.MultiplyAddNegated(Vector256.ConvertToSingle(m), dmin * Vector256.Create(scale), Vector256.Load(sums)).Store(sums);
}
