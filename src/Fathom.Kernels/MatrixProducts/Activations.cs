using Fathom.Kernels.MatrixProducts.Assembled;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>The forms in which kernels read activations.</summary>
[Flags]
internal enum ActivationForms
{
    /// <summary>Singles as the caller gave them.</summary>
    Single = 0,

    /// <summary>int16 of 12 bits with a scale per 32 values: finer than the weights at no cost, since maddwd takes 16 bits.</summary>
    Wide32 = 1,

    /// <summary>int8 with a scale per 32 values.</summary>
    Narrow32 = 2,

    /// <summary>int8 with a scale per 256 values.</summary>
    Narrow256 = 4,

    /// <summary>int8 with a scale per 16 values: next to weights of 8 bits, coarser activations would be most of the error.</summary>
    Narrow16 = 8,
}

/// <summary>One call's activations in every form its weights ask for.</summary>
/// <remarks>
/// The quantised forms are tiles of four tokens; tokens beyond the last are zero. x ≈ scale·q with scale = max|x| / limit over
/// the block and q from -limit to limit: 127 in bytes, 2,047 in words. Owned by the workspace, constant during the product.
/// </remarks>
internal unsafe struct Activations
{
    /// <summary>Tokens that share one weight load in the kernels.</summary>
    public const int TileTokens = 4;

    /// <summary>[tokens, columns].</summary>
    public float* Singles;

    public int Tokens;

    public int Columns;

    /// <summary>The level whose kernels read them; their scalar twins read the same forms.</summary>
    public SimdLevel Level;

    /// <summary>[tile, columns / 2, 4 tokens, 2].</summary>
    public short* Wide32;

    /// <summary>[tile, columns / 4, 4 tokens, 4].</summary>
    public sbyte* Narrow16;

    /// <summary>[tile, columns / 16, 4 tokens].</summary>
    public float* Scales16;

    /// <summary>What int32 sums of 16 values q·w begin with when w is multiplied with 128 added: [tile, columns / 16, 4 tokens].</summary>
    public int* Starts16;

    /// <summary>[tile, columns / 4, 4 tokens, 4].</summary>
    public sbyte* Narrow32;

    /// <summary>Of the words: [tile, columns / 32, 4 tokens].</summary>
    public float* WideScales32;

    /// <summary>Of the bytes: [tile, columns / 32, 4 tokens].</summary>
    public float* Scales32;

    /// <summary>Sums of the words over 16 values: [tile, columns / 16, 4 tokens].</summary>
    public int* Sums16;

    /// <summary>What the int16 sums of 32 values q·(w - 8) begin with when w is multiplied without the 8: [tile, columns / 32, 4 tokens, 2].</summary>
    public short* Offsets32;

    /// <summary>What int32 sums of 32 values q·w begin with when w is multiplied with 128 added: [tile, columns / 32, 4 tokens].</summary>
    public int* Starts32;

    /// <summary>[tile, columns / 4, 4 tokens, 4].</summary>
    public sbyte* Narrow256;

    /// <summary>[tile, columns / 256, 4 tokens].</summary>
    public float* Scales256;

    /// <summary>Sums of q over 32 values, in pairs: [tile, columns / 64, 4 tokens, 2].</summary>
    public short* PairSums32;

    /// <summary>The same for 16 values q·(w - 32): [tile, columns / 16, 4 tokens, 2].</summary>
    public short* Offsets16;

    /// <summary>What int32 sums of 16 values q·w begin with when w is multiplied with 32 added: [tile, columns / 16, 4 tokens].</summary>
    public int* SubStarts;

    public readonly int Tiles => (Tokens + TileTokens - 1) / TileTokens;

    /// <summary>A token's singles from a column on; a token beyond the last repeats it.</summary>
    public readonly float* SinglesAt(int token, int column) => Singles + (long)Math.Min(token, Tokens - 1) * Columns + column;

    /// <summary>Where an assembled kernel finds a tile's activations from a column on; its weights and sums are left open.</summary>
    /// <param name="form">One of the forms of bytes.</param>
    /// <param name="tile">The tile.</param>
    /// <param name="column">A block's first.</param>
    public readonly DotArguments DotsAt(ActivationForms form, int tile, int column)
    {
        var first = ((long)tile * Columns + column) * TileTokens;
        return form switch
        {
            ActivationForms.Narrow16 => new DotArguments { Values = Narrow16 + first, Scales = Scales16 + first / 16, Starts = Starts16 + first / 16 },
            ActivationForms.Narrow32 => new DotArguments { Values = Narrow32 + first, Scales = Scales32 + first / 32, Starts = Starts32 + first / 32 },
            _ => new DotArguments
            {
                Values = Narrow256 + first, Scales = Scales256 + first / 256, Starts = SubStarts + first / 16, PairSums = PairSums32 + first / 32,
            },
        };
    }

    /// <summary>Points the forms' arrays into one piece of memory; returns the bytes they take.</summary>
    /// <param name="memory">Null to measure only.</param>
    /// <param name="forms">The forms to hold.</param>
    public long Layout(byte* memory, ActivationForms forms)
    {
        var cursor = new LayoutCursor(memory);
        var values = (long)Tiles * TileTokens * Columns;
        if ((forms & ActivationForms.Wide32) != 0)
        {
            Wide32 = (short*)cursor.Take(values * sizeof(short));
            WideScales32 = (float*)cursor.Take(values / 32 * sizeof(float));
            Sums16 = (int*)cursor.Take(values / 16 * sizeof(int));
        }
        if ((forms & ActivationForms.Narrow16) != 0)
        {
            Narrow16 = (sbyte*)cursor.Take(values);
            Scales16 = (float*)cursor.Take(values / 16 * sizeof(float));
            Starts16 = (int*)cursor.Take(values / 16 * sizeof(int));
        }
        if ((forms & ActivationForms.Narrow32) != 0)
        {
            Narrow32 = (sbyte*)cursor.Take(values);
            Scales32 = (float*)cursor.Take(values / 32 * sizeof(float));
            Offsets32 = (short*)cursor.Take(values / 16 * sizeof(short));
            Starts32 = (int*)cursor.Take(values / 32 * sizeof(int));
        }
        if ((forms & ActivationForms.Narrow256) != 0)
        {
            Narrow256 = (sbyte*)cursor.Take(values);
            Scales256 = (float*)cursor.Take(values / 256 * sizeof(float));
            PairSums32 = (short*)cursor.Take(values / 32 * sizeof(short));
            Offsets16 = (short*)cursor.Take(values / 8 * sizeof(short));
            SubStarts = (int*)cursor.Take(values / 16 * sizeof(int));
        }
        return cursor.Bytes;
    }

    private struct LayoutCursor(byte* memory)
    {
        public long Bytes { get; private set; }

        public byte* Take(long bytes)
        {
            var at = memory is null ? null : memory + Bytes;
            Bytes += (bytes + 63) & ~63L;
            return at;
        }
    }
}
