using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>The four-token tile of <see cref="Q6KTiles"/> over two packed panels at once, 16 rows a vector; the same bits.</summary>
internal static unsafe class Q6KTiles512
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
        for (; blocks > 0; blocks--, w0 += PackedQ6K.BlockBytes, w1 += PackedQ6K.BlockBytes, x.Advance())
        {
            var a = x.Values;
            var offsets = x.Offsets16;
            // tTP: token T, panel P, one int32 a row.
            Vector512<int> t00 = default, t01 = default, t10 = default, t11 = default;
            Vector512<int> t20 = default, t21 = default, t30 = default, t31 = default;
            for (nint sub = 0; sub < 16; sub++, a += 16 * Tile, offsets += 2 * Tile)
            {
                PackedQ6K.Load512(w0, sub, out var p0, out var p1, out var p2, out var p3);
                PackedQ6K.Load512(w1, sub, out var q0, out var q1, out var q2, out var q3);
                // sTP: two int16 a row.
                Vector512<short> s00 = NibbleTiles512.Offset(offsets, 0), s10 = NibbleTiles512.Offset(offsets, 1);
                Vector512<short> s20 = NibbleTiles512.Offset(offsets, 2), s30 = NibbleTiles512.Offset(offsets, 3);
                Vector512<short> s01 = s00, s11 = s10, s21 = s20, s31 = s30;
                NibbleTiles512.Add(p0, q0, a, 0, ref s00, ref s01, ref s10, ref s11, ref s20, ref s21, ref s30, ref s31);
                NibbleTiles512.Add(p1, q1, a, 1, ref s00, ref s01, ref s10, ref s11, ref s20, ref s21, ref s30, ref s31);
                NibbleTiles512.Add(p2, q2, a, 2, ref s00, ref s01, ref s10, ref s11, ref s20, ref s21, ref s30, ref s31);
                NibbleTiles512.Add(p3, q3, a, 3, ref s00, ref s01, ref s10, ref s11, ref s20, ref s21, ref s30, ref s31);
                var scales = PackedQ6K.LoadScales512(w0, sub);
                t00 += Avx512BW.MultiplyAddAdjacent(s00, scales);
                t10 += Avx512BW.MultiplyAddAdjacent(s10, scales);
                t20 += Avx512BW.MultiplyAddAdjacent(s20, scales);
                t30 += Avx512BW.MultiplyAddAdjacent(s30, scales);
                scales = PackedQ6K.LoadScales512(w1, sub);
                t01 += Avx512BW.MultiplyAddAdjacent(s01, scales);
                t11 += Avx512BW.MultiplyAddAdjacent(s11, scales);
                t21 += Avx512BW.MultiplyAddAdjacent(s21, scales);
                t31 += Avx512BW.MultiplyAddAdjacent(s31, scales);
            }
            var d = PackedQ6K.LoadFactor512(w0);
            Scale(t00, d, x.Scales[0], sums0);
            Scale(t10, d, x.Scales[1], sums0 + 16);
            Scale(t20, d, x.Scales[2], sums0 + 32);
            Scale(t30, d, x.Scales[3], sums0 + 48);
            d = PackedQ6K.LoadFactor512(w1);
            Scale(t01, d, x.Scales[0], sums1);
            Scale(t11, d, x.Scales[1], sums1 + 16);
            Scale(t21, d, x.Scales[2], sums1 + 32);
            Scale(t31, d, x.Scales[3], sums1 + 48);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scale(Vector512<int> t, Vector512<float> d, float scale, float* sums) =>
        Avx512F.FusedMultiplyAdd(Vector512.ConvertToSingle(t), d * Vector512.Create(scale), Vector512.Load(sums)).Store(sums);
}
