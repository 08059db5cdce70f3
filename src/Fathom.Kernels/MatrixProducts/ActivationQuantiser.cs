using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Fathom.Kernels.Parallelism;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Fills the quantised forms of <see cref="Activations"/>, a tile of four tokens an item.</summary>
/// <remarks>
/// Every token is quantised by itself, so that its values do not depend on its neighbours. A NaN or infinity among the
/// values becomes the scale, and so reaches the results.
/// </remarks>
internal unsafe struct ActivationQuantiser : IParallelWork
{
    private const int Tile = Activations.TileTokens;
    private const float ByteLimit = 127;

    // With weights up to 128 a sum of 32 products stays below 2^24, where singles are exact.
    private const float WordLimit = 2047;

    public Activations X;
    public ActivationForms Forms;

    public readonly void Execute(int begin, int end, int worker)
    {
        // One token alone is multiplied alone: nothing reads its tile's other places.
        var slots = X.Tokens == 1 ? 1 : Tile;
        for (var tile = begin; tile < end; tile++)
        {
            for (var slot = 0; slot < slots; slot++)
            {
                if ((Forms & (ActivationForms.Wide32 | ActivationForms.Narrow32 | ActivationForms.Narrow16)) != 0)
                    QuantiseBlocksOf32(tile, slot);
                if ((Forms & ActivationForms.Narrow256) != 0)
                    QuantiseBlocksOf256(tile, slot);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void QuantiseBlocksOf32(int tile, int slot)
    {
        var q = stackalloc short[32];
        var blocks = X.Columns / 32;
        var x = Token(tile, slot);
        for (var block = 0; block < blocks; block++)
        {
            // Counts blocks by tile and column; tokens of a tile follow each other inside.
            var first = (long)tile * blocks + block;
            var values = x is null ? null : x + block * 32;
            if ((Forms & ActivationForms.Wide32) != 0)
            {
                X.WideScales32[first * Tile + slot] = Quantise(values, 32, WordLimit, q);
                var target = (int*)X.Wide32 + first * 16 * Tile + slot;
                for (var pair = 0; pair < 16; pair++)
                    target[pair * Tile] = ((int*)q)[pair];
                X.Sums16[first * 2 * Tile + slot] = Vector256.Sum(Vector256.Load(q));
                X.Sums16[(first * 2 + 1) * Tile + slot] = Vector256.Sum(Vector256.Load(q + 16));
            }
            if ((Forms & ActivationForms.Narrow16) != 0)
            {
                for (var half = 0; half < 2; half++)
                {
                    var at = (first * 2 + half) * Tile + slot;
                    X.Scales16[at] = Quantise(values is null ? null : values + half * 16, 16, ByteLimit, q + half * 16);
                    X.Starts16[at] = -128 * Vector256.Sum(Vector256.Load(q + half * 16));
                }
                StoreNarrow((int*)X.Narrow16 + first * 8 * Tile + slot, q);
            }
            if ((Forms & ActivationForms.Narrow32) != 0)
            {
                X.Scales32[first * Tile + slot] = Quantise(values, 32, ByteLimit, q);
                StoreOffset(X.Offsets32 + (first * Tile + slot) * 2, q, 32, 8);
                X.Starts32[first * Tile + slot] = -128 * Vector256.Sum(Vector256.Load(q) + Vector256.Load(q + 16));
                StoreNarrow((int*)X.Narrow32 + first * 8 * Tile + slot, q);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void QuantiseBlocksOf256(int tile, int slot)
    {
        var q = stackalloc short[256];
        var blocks = X.Columns / 256;
        var x = Token(tile, slot);
        for (var block = 0; block < blocks; block++)
        {
            var first = (long)tile * blocks + block;
            X.Scales256[first * Tile + slot] = Quantise(x is null ? null : x + block * 256, 256, ByteLimit, q);
            for (var sub = 0; sub < 8; sub++)
            {
                // At most 32 x 127.
                var sum = Vector256.Sum(Vector256.Load(q + sub * 32) + Vector256.Load(q + sub * 32 + 16));
                X.PairSums32[((first * 4 + sub / 2) * Tile + slot) * 2 + sub % 2] = sum;
                var offsets = X.Offsets16 + ((first * 16 + sub * 2) * Tile + slot) * 2;
                StoreOffset(offsets, q + sub * 32, 16, 32);
                StoreOffset(offsets + Tile * 2, q + sub * 32 + 16, 16, 32);
                var starts = X.SubStarts + (first * 16 + sub * 2) * Tile + slot;
                starts[0] = -32 * Vector256.Sum(Vector256.Load(q + sub * 32));
                starts[Tile] = -32 * Vector256.Sum(Vector256.Load(q + sub * 32 + 16));
                StoreNarrow((int*)X.Narrow256 + (first * 64 + sub * 8) * Tile + slot, q + sub * 32);
            }
        }
    }

    /// <summary>The token's values, or null beyond the last token.</summary>
    private readonly float* Token(int tile, int slot)
    {
        var token = tile * Tile + slot;
        return token < X.Tokens ? X.Singles + (long)token * X.Columns : null;
    }

    /// <summary>q = round(x / scale) with scale = max|x| / limit; zeros for no token. Returns the scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Quantise(float* x, int count, float limit, short* q)
    {
        if (x is null)
        {
            new Span<short>(q, count).Clear();
            return 0;
        }
        // Magnitudes order as their bits do, with infinity and NaN on top.
        var peaks = Vector256<int>.Zero;
        for (var i = 0; i < count; i += 8)
            peaks = Vector256.Max(peaks, Vector256.Load((int*)x + i) & Vector256.Create(int.MaxValue));
        var peaks4 = Vector128.Max(peaks.GetLower(), peaks.GetUpper());
        peaks4 = Vector128.Max(peaks4, Vector128.Shuffle(peaks4, Vector128.Create(2, 3, 0, 1)));
        peaks4 = Vector128.Max(peaks4, Vector128.Shuffle(peaks4, Vector128.Create(1, 0, 3, 2)));
        var peak = BitConverter.Int32BitsToSingle(peaks4.ToScalar());
        var inverse = Vector256.Create(peak > 0 ? limit / peak : 0);
        for (var i = 0; i < count; i += 16)
        {
            var q0 = Vector256.ConvertToInt32Native(Vector256.Round(Vector256.Load(x + i) * inverse));
            var q1 = Vector256.ConvertToInt32Native(Vector256.Round(Vector256.Load(x + i + 8) * inverse));
            Vector256.NarrowWithSaturation(q0, q1).Store(q + i);
        }
        return peak / limit;
    }

    /// <summary>
    /// Stores -centre times two sums, split as maddubs splits them: of q at columns 4i and 4i + 1, and at 4i + 2 and 4i + 3. At most
    /// 8·16·127 or 32·8·127, so they fit.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreOffset(short* target, short* q, int count, int centre)
    {
        // Each 32-bit lane takes the sum of its two neighbours; even lanes belong to the first sum.
        var values = Vector256.Load((int*)q);
        var pairs = (values << 16 >> 16) + (values >> 16);
        if (count == 32)
        {
            values = Vector256.Load((int*)(q + 16));
            pairs += (values << 16 >> 16) + (values >> 16);
        }
        var fours = pairs.GetLower() + pairs.GetUpper();
        fours = (fours + Vector128.Shuffle(fours, Vector128.Create(2, 3, 0, 1))) * -centre;
        *(int*)target = (fours.GetElement(0) & 0xFFFF) | fours.GetElement(1) << 16;
    }

    /// <summary>Stores 32 values as eight fours, each four tokens after the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreNarrow(int* target, short* q)
    {
        var fours = Vector256.NarrowWithSaturation(Vector256.Load(q), Vector256.Load(q + 16)).AsInt32();
        for (var four = 0; four < 8; four++)
            target[four * Tile] = fours.GetElement(four);
    }
}
