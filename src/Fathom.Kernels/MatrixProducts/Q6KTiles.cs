using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>
/// sums[t, row] += over blocks of 256, in order: (sum of scale·(sum of (q - 32)·a), exact in int32) · (d · token's scale), for
/// eight of a panel's rows at a time.
/// </summary>
/// <remarks>
/// q stays 0 to 63 for maddubs; int16 holds 2 x 2 x 63 x 127 = 32,004, so two fours are added before maddwd with the scale. The
/// 32 comes off by maddwd of the scales with the sums of a.
/// </remarks>
internal static unsafe class Q6KTiles
{
    private const int Tile = Activations.TileTokens;

    /// <summary>How a kernel reads one half (eight rows) of a block of 256 columns.</summary>
    internal interface IBlocks
    {
        static abstract int BlockBytes { get; }

        static abstract Vector256<float> LoadFactor(byte* block, int half);

        /// <summary>Scales of sub-blocks 2·pair and 2·pair + 1 for each row.</summary>
        static abstract Vector256<short> LoadPairs(byte* block, int pair, int half);

        /// <summary>A sub-block's scale, twice for each row; <paramref name="second"/> is constant where it is called.</summary>
        static abstract Vector256<short> LoadScales(byte* block, int pair, bool second, int half);

        /// <summary>Sixteen columns of a sub-block, four by four.</summary>
        static abstract void Load(
            byte* block, int sub, int half, out Vector256<byte> w0, out Vector256<byte> w1, out Vector256<byte> w2, out Vector256<byte> w3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply1<TBlocks>(byte* w, int blocks, SuperTokens x, float* sums)
        where TBlocks : struct, IBlocks
    {
        for (; blocks > 0; blocks--, w += TBlocks.BlockBytes, x.Advance())
        {
            for (var half = 0; half < 2; half++)
            {
                Vector256<int> s = default, offset = default;
                for (var pair = 0; pair < 8; pair++)
                {
                    Streaming.Prefetch(w + Streaming.AheadBytes + (half * 8 + pair) * (TBlocks.BlockBytes / 16), TBlocks.BlockBytes / 16);
                    var pairs = TBlocks.LoadPairs(w, pair, half);
                    offset += Avx2.MultiplyAddAdjacent(pairs, Avx2.BroadcastScalarToVector256((int*)x.PairSums16 + pair * Tile).AsInt16());
                    TBlocks.Load(w, 2 * pair, half, out var w0, out var w1, out var w2, out var w3);
                    s += Products(w0, w1, w2, w3, x.Values, 8 * pair, TBlocks.LoadScales(w, pair, false, half));
                    TBlocks.Load(w, 2 * pair + 1, half, out w0, out w1, out w2, out w3);
                    s += Products(w0, w1, w2, w3, x.Values, 8 * pair + 4, TBlocks.LoadScales(w, pair, true, half));
                }
                s -= Vector256.ShiftLeft(offset, 5);
                Scale(s, TBlocks.LoadFactor(w, half), x.Scales[0], sums + half * 8);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply4<TBlocks>(byte* w, int blocks, SuperTokens x, float* sums)
        where TBlocks : struct, IBlocks
    {
        for (; blocks > 0; blocks--, w += TBlocks.BlockBytes, x.Advance())
        {
            for (var half = 0; half < 2; half++)
            {
                // One int32 a row and token: first the offsets, then the products on top.
                Vector256<int> s0 = default, s1 = default, s2 = default, s3 = default;
                for (var pair = 0; pair < 8; pair++)
                {
                    var pairs = TBlocks.LoadPairs(w, pair, half);
                    var sumsOfA = (int*)x.PairSums16 + pair * Tile;
                    s0 -= Avx2.MultiplyAddAdjacent(pairs, Avx2.BroadcastScalarToVector256(sumsOfA).AsInt16());
                    s1 -= Avx2.MultiplyAddAdjacent(pairs, Avx2.BroadcastScalarToVector256(sumsOfA + 1).AsInt16());
                    s2 -= Avx2.MultiplyAddAdjacent(pairs, Avx2.BroadcastScalarToVector256(sumsOfA + 2).AsInt16());
                    s3 -= Avx2.MultiplyAddAdjacent(pairs, Avx2.BroadcastScalarToVector256(sumsOfA + 3).AsInt16());
                }
                s0 = Vector256.ShiftLeft(s0, 5);
                s1 = Vector256.ShiftLeft(s1, 5);
                s2 = Vector256.ShiftLeft(s2, 5);
                s3 = Vector256.ShiftLeft(s3, 5);
                for (var pair = 0; pair < 8; pair++)
                {
                    TBlocks.Load(w, 2 * pair, half, out var w0, out var w1, out var w2, out var w3);
                    var scales = TBlocks.LoadScales(w, pair, false, half);
                    AddTwoFours(w0, w1, x.Values, 8 * pair, scales, ref s0, ref s1, ref s2, ref s3);
                    AddTwoFours(w2, w3, x.Values, 8 * pair + 2, scales, ref s0, ref s1, ref s2, ref s3);
                    TBlocks.Load(w, 2 * pair + 1, half, out w0, out w1, out w2, out w3);
                    scales = TBlocks.LoadScales(w, pair, true, half);
                    AddTwoFours(w0, w1, x.Values, 8 * pair + 4, scales, ref s0, ref s1, ref s2, ref s3);
                    AddTwoFours(w2, w3, x.Values, 8 * pair + 6, scales, ref s0, ref s1, ref s2, ref s3);
                }
                var d = TBlocks.LoadFactor(w, half);
                Scale(s0, d, x.Scales[0], sums + half * 8);
                Scale(s1, d, x.Scales[1], sums + 16 + half * 8);
                Scale(s2, d, x.Scales[2], sums + 32 + half * 8);
                Scale(s3, d, x.Scales[3], sums + 48 + half * 8);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Products(
        Vector256<byte> w0, Vector256<byte> w1, Vector256<byte> w2, Vector256<byte> w3, sbyte* a, int four, Vector256<short> scales)
    {
        var p01 = Avx2.MultiplyAddAdjacent(w0, NibbleTiles.Four(a, four, 0)) + Avx2.MultiplyAddAdjacent(w1, NibbleTiles.Four(a, four + 1, 0));
        var p23 = Avx2.MultiplyAddAdjacent(w2, NibbleTiles.Four(a, four + 2, 0)) + Avx2.MultiplyAddAdjacent(w3, NibbleTiles.Four(a, four + 3, 0));
        return Avx2.MultiplyAddAdjacent(p01, scales) + Avx2.MultiplyAddAdjacent(p23, scales);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTwoFours(
        Vector256<byte> w0, Vector256<byte> w1, sbyte* a, int four, Vector256<short> scales, ref Vector256<int> s0,
        ref Vector256<int> s1, ref Vector256<int> s2, ref Vector256<int> s3)
    {
        s0 += Two(w0, w1, a, four, 0, scales);
        s1 += Two(w0, w1, a, four, 1, scales);
        s2 += Two(w0, w1, a, four, 2, scales);
        s3 += Two(w0, w1, a, four, 3, scales);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Two(Vector256<byte> w0, Vector256<byte> w1, sbyte* a, int four, int token, Vector256<short> scales) =>
        Avx2.MultiplyAddAdjacent(
            Avx2.MultiplyAddAdjacent(w0, NibbleTiles.Four(a, four, token)) + Avx2.MultiplyAddAdjacent(w1, NibbleTiles.Four(a, four + 1, token)),
            scales);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scale(Vector256<int> s, Vector256<float> d, float scale, float* sums) =>
        Fma.MultiplyAdd(Vector256.ConvertToSingle(s), d * Vector256.Create(scale), Vector256.Load(sums)).Store(sums);

    internal readonly struct PackedBlocks : IBlocks
    {
        public static int BlockBytes => Q6KPanels.PackedBlockBytes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> LoadFactor(byte* block, int half) => HalfLanes.Load8((short*)block + half * 8);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<short> LoadPairs(byte* block, int pair, int half) =>
            Avx2.ConvertToVector256Int16((sbyte*)block + Q6KPanels.PackedScales + pair * 32 + half * 16);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<short> LoadScales(byte* block, int pair, bool second, int half) =>
            second ? ScalePairs.Second(LoadPairs(block, pair, half)) : ScalePairs.First(LoadPairs(block, pair, half));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Load(
            byte* block, int sub, int half, out Vector256<byte> w0, out Vector256<byte> w1, out Vector256<byte> w2, out Vector256<byte> w3)
        {
            var nibbles = block + Q6KPanels.PackedNibbles + sub * 128 + half * 32;
            var first = Vector256.Load(nibbles);
            var second = Vector256.Load(nibbles + 64);
            // 16-bit shifts move bits across bytes; the masks keep only those that stayed in theirs.
            var high = Vector256.Load((ushort*)(block + Q6KPanels.PackedHigh + sub * 64 + half * 32));
            var low4 = Vector256.Create((byte)0x0F);
            var high2 = Vector256.Create((byte)0x30);
            w0 = (first & low4) | (Vector256.ShiftLeft(high, 4).AsByte() & high2);
            w1 = (Vector256.ShiftRightLogical(first.AsUInt16(), 4).AsByte() & low4) | (Vector256.ShiftLeft(high, 2).AsByte() & high2);
            w2 = (second & low4) | (high.AsByte() & high2);
            w3 = (Vector256.ShiftRightLogical(second.AsUInt16(), 4).AsByte() & low4) | (Vector256.ShiftRightLogical(high, 2).AsByte() & high2);
        }
    }

    internal readonly struct UnpackedBlocks : IBlocks
    {
        public static int BlockBytes => Q6KPanels.UnpackedBlockBytes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> LoadFactor(byte* block, int half) => Vector256.Load((float*)block + half * 8);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<short> LoadPairs(byte* block, int pair, int half) =>
            Vector256.Load((short*)(block + Q6KPanels.UnpackedPairs) + pair * 32 + half * 16);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<short> LoadScales(byte* block, int pair, bool second, int half) =>
            Vector256.Load((short*)(block + Q6KPanels.UnpackedScales) + (pair * 2 + (second ? 1 : 0)) * 32 + half * 16);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Load(
            byte* block, int sub, int half, out Vector256<byte> w0, out Vector256<byte> w1, out Vector256<byte> w2, out Vector256<byte> w3)
        {
            var at = block + Q6KPanels.UnpackedBytes + sub * 256 + half * 32;
            w0 = Vector256.Load(at);
            w1 = Vector256.Load(at + 64);
            w2 = Vector256.Load(at + 128);
            w3 = Vector256.Load(at + 192);
        }
    }
}
