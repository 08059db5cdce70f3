using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>The four-token tile of <see cref="Q4KTiles"/> over two packed panels at once, 16 rows a vector; the same bits.</summary>
internal static unsafe class Q4KTiles512
{
    private const int Tile = Activations.TileTokens;

    /// <param name="w0">First panel's blocks.</param>
    /// <param name="w1">Second panel's blocks.</param>
    /// <param name="blocks">Blocks of 256 columns.</param>
    /// <param name="x">A tile of four tokens.</param>
    /// <param name="sums0">First panel's sums [4 tokens, 16 rows]; added to.</param>
    /// <param name="sums1">Second panel's.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply4(byte* w0, byte* w1, int blocks, SuperTokens x, float* sums0, float* sums1)
    {
        for (; blocks > 0; blocks--, w0 += PackedQ4K.BlockBytes, w1 += PackedQ4K.BlockBytes, x.Advance())
        {
            SubtractMins(w0, x, sums0);
            SubtractMins(w1, x, sums1);
            var a = x.Values;
            // tTP: token T, panel P, scaled sums, one int32 a row.
            Vector512<int> t00 = default, t01 = default, t10 = default, t11 = default;
            Vector512<int> t20 = default, t21 = default, t30 = default, t31 = default;
            for (nint sub = 0; sub < 8; sub++)
            {
                // sTP: two int16 a row.
                Vector512<short> s00 = default, s01 = default, s10 = default, s11 = default;
                Vector512<short> s20 = default, s21 = default, s30 = default, s31 = default;
                for (var eight = sub * 4; eight < sub * 4 + 4; eight++, a += 8 * Tile)
                {
                    PackedQ4K.Load(w0, eight, out Vector512<byte> p0, out var p1);
                    PackedQ4K.Load(w1, eight, out Vector512<byte> q0, out var q1);
                    NibbleTiles512.Add(p0, q0, a, 0, ref s00, ref s01, ref s10, ref s11, ref s20, ref s21, ref s30, ref s31);
                    NibbleTiles512.Add(p1, q1, a, 1, ref s00, ref s01, ref s10, ref s11, ref s20, ref s21, ref s30, ref s31);
                }
                var scales = PackedQ4K.LoadScales512(w0, sub);
                t00 += Avx512BW.MultiplyAddAdjacent(s00, scales);
                t10 += Avx512BW.MultiplyAddAdjacent(s10, scales);
                t20 += Avx512BW.MultiplyAddAdjacent(s20, scales);
                t30 += Avx512BW.MultiplyAddAdjacent(s30, scales);
                scales = PackedQ4K.LoadScales512(w1, sub);
                t01 += Avx512BW.MultiplyAddAdjacent(s01, scales);
                t11 += Avx512BW.MultiplyAddAdjacent(s11, scales);
                t21 += Avx512BW.MultiplyAddAdjacent(s21, scales);
                t31 += Avx512BW.MultiplyAddAdjacent(s31, scales);
            }
            var d = PackedQ4K.LoadFactor512(w0, 0);
            Scale(t00, d, x.Scales[0], sums0);
            Scale(t10, d, x.Scales[1], sums0 + 16);
            Scale(t20, d, x.Scales[2], sums0 + 32);
            Scale(t30, d, x.Scales[3], sums0 + 48);
            d = PackedQ4K.LoadFactor512(w1, 0);
            Scale(t01, d, x.Scales[0], sums1);
            Scale(t11, d, x.Scales[1], sums1 + 16);
            Scale(t21, d, x.Scales[2], sums1 + 32);
            Scale(t31, d, x.Scales[3], sums1 + 48);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SubtractMins(byte* w, in SuperTokens x, float* sums)
    {
        Vector512<int> m0 = default, m1 = default, m2 = default, m3 = default;
        for (nint pair = 0; pair < 4; pair++)
        {
            var mins = PackedQ4K.LoadMins512(w, pair);
            var sumsOfA = (int*)x.PairSums32 + pair * Tile;
            m0 += Avx512BW.MultiplyAddAdjacent(mins, Vector512.Create(sumsOfA[0]).AsInt16());
            m1 += Avx512BW.MultiplyAddAdjacent(mins, Vector512.Create(sumsOfA[1]).AsInt16());
            m2 += Avx512BW.MultiplyAddAdjacent(mins, Vector512.Create(sumsOfA[2]).AsInt16());
            m3 += Avx512BW.MultiplyAddAdjacent(mins, Vector512.Create(sumsOfA[3]).AsInt16());
        }
        var dmin = PackedQ4K.LoadFactor512(w, 16);
        Subtract(m0, dmin, x.Scales[0], sums);
        Subtract(m1, dmin, x.Scales[1], sums + 16);
        Subtract(m2, dmin, x.Scales[2], sums + 32);
        Subtract(m3, dmin, x.Scales[3], sums + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Subtract(Vector512<int> m, Vector512<float> dmin, float scale, float* sums) =>
        Avx512F.FusedMultiplyAddNegated(Vector512.ConvertToSingle(m), dmin * Vector512.Create(scale), Vector512.Load(sums)).Store(sums);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scale(Vector512<int> t, Vector512<float> d, float scale, float* sums) =>
        Avx512F.FusedMultiplyAdd(Vector512.ConvertToSingle(t), d * Vector512.Create(scale), Vector512.Load(sums)).Store(sums);
}
