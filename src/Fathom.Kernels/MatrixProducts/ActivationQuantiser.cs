using System.Runtime.Intrinsics;
using Fathom.Kernels.Parallelism;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Fills the quantised forms of <see cref="Activations"/>, a tile of four tokens an item.</summary>
/// <remarks>Every token is quantised by itself, so that its values do not depend on its neighbours.</remarks>
internal unsafe struct ActivationQuantiser : IParallelWork
{
    public Activations X;
    public ActivationForms Forms;

    public readonly void Execute(int begin, int end, int worker)
    {
        for (var tile = begin; tile < end; tile++)
        {
            if ((Forms & (ActivationForms.Wide32 | ActivationForms.Narrow32)) != 0)
                QuantiseBlocksOf32(tile);
            if ((Forms & ActivationForms.Narrow256) != 0)
                QuantiseBlocksOf256(tile);
        }
    }

    private readonly void QuantiseBlocksOf32(int tile)
    {
        var q = stackalloc int[32];
        var blocks = X.Columns / 32;
        for (var lane = 0; lane < Activations.TileTokens; lane++)
        {
            var token = tile * Activations.TileTokens + lane;
            for (var block = 0; block < blocks; block++)
            {
                var index = ((long)tile * blocks + block) * Activations.TileTokens + lane;
                X.Scales32[index] = Quantise(token, block * 32, 32, q);
                var sum = 0;
                for (var i = 0; i < 32; i++)
                    sum += q[i];
                X.Sums32[index] = sum;
                // index counts blocks of 32 values by tile, block and token; below, pairs and fours within the block.
                var firstPair = ((long)tile * blocks + block) * 16;
                if ((Forms & ActivationForms.Wide32) != 0)
                    StoreWide((int*)X.Wide32 + firstPair * Activations.TileTokens + lane, q);
                if ((Forms & ActivationForms.Narrow32) != 0)
                    StoreNarrow((uint*)X.Narrow32 + firstPair / 2 * Activations.TileTokens + lane, q, 32);
            }
        }
    }

    private readonly void QuantiseBlocksOf256(int tile)
    {
        var q = stackalloc int[256];
        var blocks = X.Columns / 256;
        for (var lane = 0; lane < Activations.TileTokens; lane++)
        {
            var token = tile * Activations.TileTokens + lane;
            for (var block = 0; block < blocks; block++)
            {
                var first = (long)tile * blocks + block;
                X.Scales256[first * Activations.TileTokens + lane] = Quantise(token, block * 256, 256, q);
                StoreNarrow((uint*)X.Narrow256 + first * 64 * Activations.TileTokens + lane, q, 256);
                for (var sub = 0; sub < 16; sub++)
                {
                    var sum = 0;
                    for (var i = 0; i < 16; i++)
                        sum += q[sub * 16 + i];
                    X.PairSums16[((first * 8 + sub / 2) * Activations.TileTokens + lane) * 2 + sub % 2] = (short)sum;
                    var pair32 = X.PairSums32 + ((first * 4 + sub / 4) * Activations.TileTokens + lane) * 2 + sub / 2 % 2;
                    *pair32 = (short)(sub % 2 == 0 ? sum : *pair32 + sum);
                }
            }
        }
    }

    /// <summary>Quantises one block of one token (or none, beyond the last) and returns its scale.</summary>
    private readonly float Quantise(int token, int column, int count, int* q)
    {
        if (token >= X.Tokens)
        {
            new Span<int>(q, count).Clear();
            return 0;
        }
        var x = X.Singles + (long)token * X.Columns + column;
        var peaks = Vector256<float>.Zero;
        for (var i = 0; i < count; i += 8)
            peaks = Vector256.Max(peaks, Vector256.Abs(Vector256.Load(x + i)));
        var peak = 0f;
        for (var i = 0; i < 8; i++)
            peak = MathF.Max(peak, peaks[i]);
        var inverse = Vector256.Create(peak > 0 ? 127 / peak : 0);
        for (var i = 0; i < count; i += 8)
        {
            // Ties to even in both instruction sets; a scale that overflowed leaves its mark in the result through the scale itself.
            var level = Vector256.Round(Vector256.Load(x + i) * inverse);
            Vector256.ConvertToInt32(Vector256.Clamp(level, Vector256.Create(-127f), Vector256.Create(127f))).Store(q + i);
        }
        return peak / 127;
    }

    /// <summary>Stores 32 values as 16 pairs, each 4 pairs after the last.</summary>
    private static void StoreWide(int* target, int* q)
    {
        for (var pair = 0; pair < 16; pair++)
            target[pair * Activations.TileTokens] = q[2 * pair] & 0xFFFF | q[2 * pair + 1] << 16;
    }

    /// <summary>Stores values in fours, each 4 fours after the last.</summary>
    private static void StoreNarrow(uint* target, int* q, int count)
    {
        for (var four = 0; four < count / 4; four++)
        {
            var at = q + four * 4;
            target[four * Activations.TileTokens] =
                (byte)at[0] | (uint)(byte)at[1] << 8 | (uint)(byte)at[2] << 16 | (uint)(byte)at[3] << 24;
        }
    }
}
