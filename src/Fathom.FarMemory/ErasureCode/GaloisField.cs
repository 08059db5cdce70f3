namespace Fathom.FarMemory.ErasureCode;

/// <summary>Arithmetic in GF(2⁸) with the polynomial x⁸+x⁴+x³+x²+1 (0x11D), the field of ISA-L and of most storage codes.</summary>
/// <remarks>Addition is exclusive or. Single values only; whole shards go through <see cref="ReedSolomon"/>.</remarks>
public static class GaloisField
{
    private const int Polynomial = 0x11D;

    // exp is written twice in a row, so that the sum of two logarithms needs no reduction modulo 255.
    private static readonly byte[] Exponents = new byte[510];
    private static readonly byte[] Logarithms = new byte[256];

    static GaloisField()
    {
        var value = 1;
        for (var power = 0; power < 255; power++)
        {
            Exponents[power] = Exponents[power + 255] = (byte)value;
            Logarithms[value] = (byte)power;
            value <<= 1;
            if (value > 0xFF)
                value ^= Polynomial;
        }
    }

    /// <summary>a·b.</summary>
    public static byte Multiply(byte a, byte b) =>
        a == 0 || b == 0 ? (byte)0 : Exponents[Logarithms[a] + Logarithms[b]];

    /// <summary>The x with a·x = 1.</summary>
    /// <exception cref="DivideByZeroException"><paramref name="a"/> is 0.</exception>
    public static byte Invert(byte a) =>
        a == 0 ? throw new DivideByZeroException("0 has no inverse in GF(2^8).") : Exponents[255 - Logarithms[a]];

    /// <summary>Replaces a square matrix by its inverse (Gauss-Jordan).</summary>
    /// <param name="matrix">Row-major, <paramref name="order"/>² values; destroyed.</param>
    /// <param name="inverse">Row-major, same size; must not overlap.</param>
    /// <param name="order">Rows and columns.</param>
    /// <returns>False when the matrix has no inverse.</returns>
    internal static bool Invert(Span<byte> matrix, Span<byte> inverse, int order)
    {
        inverse[..(order * order)].Clear();
        for (var i = 0; i < order; i++)
            inverse[i * order + i] = 1;
        for (var column = 0; column < order; column++)
        {
            var pivot = column;
            while (pivot < order && matrix[pivot * order + column] == 0)
                pivot++;
            if (pivot == order)
                return false;
            if (pivot != column)
            {
                SwapRows(matrix, pivot, column, order);
                SwapRows(inverse, pivot, column, order);
            }
            var scale = Invert(matrix[column * order + column]);
            ScaleRow(matrix, column, scale, order);
            ScaleRow(inverse, column, scale, order);
            for (var row = 0; row < order; row++)
            {
                var factor = matrix[row * order + column];
                if (row == column || factor == 0)
                    continue;
                AddScaledRow(matrix, column, row, factor, order);
                AddScaledRow(inverse, column, row, factor, order);
            }
        }
        return true;
    }

    private static void SwapRows(Span<byte> matrix, int a, int b, int order)
    {
        for (var i = 0; i < order; i++)
            (matrix[a * order + i], matrix[b * order + i]) = (matrix[b * order + i], matrix[a * order + i]);
    }

    private static void ScaleRow(Span<byte> matrix, int row, byte factor, int order)
    {
        for (var i = 0; i < order; i++)
            matrix[row * order + i] = Multiply(matrix[row * order + i], factor);
    }

    private static void AddScaledRow(Span<byte> matrix, int source, int target, byte factor, int order)
    {
        for (var i = 0; i < order; i++)
            matrix[target * order + i] ^= Multiply(matrix[source * order + i], factor);
    }
}
