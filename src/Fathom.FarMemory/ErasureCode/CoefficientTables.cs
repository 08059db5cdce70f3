namespace Fathom.FarMemory.ErasureCode;

/// <summary>
/// What multiplying a byte by one coefficient needs, in the forms the instruction sets take. One entry of 64 bytes per coefficient:
/// products of the 16 low nibbles, products of the 16 high nibbles, the 8x8 bit matrix of the GFNI affine form, 24 bytes unused.
/// </summary>
internal static class CoefficientTables
{
    public const int EntryBytes = 64;
    public const int HighNibbleOffset = 16;
    public const int BitMatrixOffset = 32;

    /// <summary>Writes the entries of <paramref name="coefficients"/> one after another.</summary>
    /// <param name="coefficients">Multipliers, in the order the product loop meets them.</param>
    /// <param name="tables">Room for 64 bytes per coefficient.</param>
    public static void Write(ReadOnlySpan<byte> coefficients, Span<byte> tables)
    {
        for (var i = 0; i < coefficients.Length; i++)
            WriteEntry(coefficients[i], tables.Slice(i * EntryBytes, EntryBytes));
    }

    private static void WriteEntry(byte coefficient, Span<byte> entry)
    {
        for (var nibble = 0; nibble < 16; nibble++)
        {
            entry[nibble] = GaloisField.Multiply(coefficient, (byte)nibble);
            entry[HighNibbleOffset + nibble] = GaloisField.Multiply(coefficient, (byte)(nibble << 4));
        }
        // GF2P8AFFINEQB: bit i of the result is the parity of (byte 7-i of the matrix AND x). Multiplication by c is linear:
        // bit i of c·x is the sum over j of x_j · bit i of c·2^j. (GF2P8MULB is no use here: it is fixed to polynomial 0x11B.)
        var matrix = entry.Slice(BitMatrixOffset, 8);
        matrix.Clear();
        for (var j = 0; j < 8; j++)
        {
            var column = GaloisField.Multiply(coefficient, (byte)(1 << j));
            for (var i = 0; i < 8; i++)
                matrix[7 - i] |= (byte)(((column >> i) & 1) << j);
        }
    }
}
