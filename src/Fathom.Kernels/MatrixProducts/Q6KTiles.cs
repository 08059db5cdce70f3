using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>
/// sums[t, row] += over blocks of 256, in order: (sum of scale·(sum of (q - 32)·a), exact in int32) · (d · token's scale), for
/// eight of a panel's rows at a time.
/// </summary>
/// <remarks>
/// The lanes are those of <see cref="NibbleTiles"/>. q stays 0 to 63 for maddubs; an int16 adds up 8 columns of a sub-block of 16,
/// where (q - 32)·a is at most 8 x 32 x 127 = 32,512. It begins at -32·(sum of a) and may wrap on the way; the end is exact.
/// </remarks>
internal static unsafe class Q6KTiles
{
    private const int Tile = Activations.TileTokens;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply1<TBlocks>(byte* w, int blocks, SuperTokens x, float* sums)
        where TBlocks : struct, IQ6KBlocks
    {
        for (; blocks > 0; blocks--, w += TBlocks.BlockBytes, x.Advance())
        {
            for (var half = 0; half < 2; half++)
            {
                var a = x.Values;
                var offsets = x.Offsets16;
                Vector256<int> s = default;
                for (nint sub = 0; sub < 16; sub++, a += 16 * Tile, offsets += 2 * Tile)
                {
                    if (sub % 2 == 0)
                        Streaming.Prefetch(w + Streaming.AheadBytes + (half * 8 + sub / 2) * (TBlocks.BlockBytes / 16), TBlocks.BlockBytes / 16);
                    TBlocks.Load(w, sub, half, out var w0, out var w1, out var w2, out var w3);
                    s += Products(w0, w1, w2, w3, a, offsets, 0, TBlocks.LoadScales(w, sub, half));
                }
                Scale(s, TBlocks.LoadFactor(w, half), x.Scales[0], sums + half * 8);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply4<TBlocks>(byte* w, int blocks, SuperTokens x, float* sums)
        where TBlocks : struct, IQ6KBlocks
    {
        for (; blocks > 0; blocks--, w += TBlocks.BlockBytes, x.Advance())
        {
            for (var half = 0; half < 2; half++)
            {
                var a = x.Values;
                var offsets = x.Offsets16;
                // One int32 a row and token.
                Vector256<int> s0 = default, s1 = default, s2 = default, s3 = default;
                for (nint sub = 0; sub < 16; sub++, a += 16 * Tile, offsets += 2 * Tile)
                {
                    TBlocks.Load(w, sub, half, out var w0, out var w1, out var w2, out var w3);
                    var scales = TBlocks.LoadScales(w, sub, half);
                    s0 += Products(w0, w1, w2, w3, a, offsets, 0, scales);
                    s1 += Products(w0, w1, w2, w3, a, offsets, 1, scales);
                    s2 += Products(w0, w1, w2, w3, a, offsets, 2, scales);
                    s3 += Products(w0, w1, w2, w3, a, offsets, 3, scales);
                }
                var d = TBlocks.LoadFactor(w, half);
                Scale(s0, d, x.Scales[0], sums + half * 8);
                Scale(s1, d, x.Scales[1], sums + 16 + half * 8);
                Scale(s2, d, x.Scales[2], sums + 32 + half * 8);
                Scale(s3, d, x.Scales[3], sums + 48 + half * 8);
            }
        }
    }

    /// <summary>A sub-block's scaled products with one token, one int32 a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Products(
        Vector256<byte> w0, Vector256<byte> w1, Vector256<byte> w2, Vector256<byte> w3, sbyte* a, short* offsets, int token, Vector256<short> scales)
    {
        var p = NibbleTiles.Offset(offsets, token);
        p += Avx2.MultiplyAddAdjacent(w0, NibbleTiles.Four(a, 0, token));
        p += Avx2.MultiplyAddAdjacent(w1, NibbleTiles.Four(a, 1, token));
        p += Avx2.MultiplyAddAdjacent(w2, NibbleTiles.Four(a, 2, token));
        p += Avx2.MultiplyAddAdjacent(w3, NibbleTiles.Four(a, 3, token));
        return Avx2.MultiplyAddAdjacent(p, scales);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scale(Vector256<int> s, Vector256<float> d, float scale, float* sums) =>
        Fma.MultiplyAdd(Vector256.ConvertToSingle(s), d * Vector256.Create(scale), Vector256.Load(sums)).Store(sums);
}
