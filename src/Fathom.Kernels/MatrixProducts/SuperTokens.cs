namespace Fathom.Kernels.MatrixProducts;

/// <summary>Where a tile's activations in blocks of 256 begin.</summary>
internal unsafe struct SuperTokens
{
    /// <summary>int8 [64 fours, 4 tokens, 4] a block.</summary>
    public sbyte* Values;

    /// <summary>[4 tokens] a block.</summary>
    public float* Scales;

    /// <summary>[4 pairs of 32 columns, 4 tokens, 2] a block.</summary>
    public short* PairSums32;

    /// <summary>-32·(sums of values) [16 sub-blocks of 16 columns, 4 tokens, 2] a block.</summary>
    public short* Offsets16;

    public static SuperTokens At(in Activations x, int tile, int column)
    {
        var first = ((long)tile * x.Columns + column) * Activations.TileTokens;
        return new SuperTokens
        {
            Values = x.Narrow256 + first,
            Scales = x.Scales256 + first / 256,
            PairSums32 = x.PairSums32 + first / 32,
            Offsets16 = x.Offsets16 + first / 8,
        };
    }

    /// <summary>Steps to the next 256 columns.</summary>
    public void Advance()
    {
        Values += 256 * Activations.TileTokens;
        Scales += Activations.TileTokens;
        PairSums32 += 8 * Activations.TileTokens;
        Offsets16 += 32 * Activations.TileTokens;
    }
}
