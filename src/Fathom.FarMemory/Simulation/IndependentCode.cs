namespace Fathom.FarMemory.Simulation;

/// <summary>
/// The checkers' own Reed-Solomon: GF(2⁸) with 0x11D by shift and xor, the Cauchy matrix 1/((k+j) xor i), plain copies where k is 1.
/// It shares no line with the code that it checks.
/// </summary>
internal static class IndependentCode
{
    private static readonly byte[] Products = BuildProducts();
    private static readonly byte[] Inverses = BuildInverses();

    /// <summary>Parity <paramref name="j"/> of these data fragments; null stands for zeros.</summary>
    public static byte[] Parity(byte[]?[] data, int j, int length)
    {
        var parity = new byte[length];
        for (var i = 0; i < data.Length; i++)
        {
            if (data[i] is not { } fragment)
                continue;
            var coefficient = data.Length == 1 ? (byte)1 : Inverses[(data.Length + j) ^ i];
            for (var at = 0; at < length; at++)
                parity[at] ^= Products[coefficient << 8 | fragment[at]];
        }
        return parity;
    }

    private static byte Multiply(byte a, byte b)
    {
        int product = 0, shifted = a;
        for (var bit = 0; bit < 8; bit++)
        {
            if ((b >> bit & 1) != 0)
                product ^= shifted;
            shifted <<= 1;
            if ((shifted & 0x100) != 0)
                shifted ^= 0x11D;
        }
        return (byte)product;
    }

    private static byte[] BuildProducts()
    {
        var products = new byte[1 << 16];
        for (var i = 0; i < products.Length; i++)
            products[i] = Multiply((byte)(i >> 8), (byte)i);
        return products;
    }

    private static byte[] BuildInverses()
    {
        var inverses = new byte[256];
        for (var a = 1; a < 256; a++)
        {
            for (var b = 1; b < 256; b++)
            {
                if (Multiply((byte)a, (byte)b) == 1)
                    inverses[a] = (byte)b;
            }
        }
        return inverses;
    }
}
