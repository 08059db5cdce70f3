namespace Fathom.Serving.Sampling;

/// <summary>Counter-based random numbers: the same (seed, choice, token index) gives the same number, in any order and any company.</summary>
/// <remarks>Philox4x32-10. Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.</remarks>
internal static class Philox
{
    private const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public static double Uniform(ulong seed, uint choice, uint tokenIndex)
    {
        (uint x0, uint x1, _, _) = Block((uint)seed, (uint)(seed >> 32), tokenIndex, choice, 0, 0);
        return ((((ulong)x0 << 32) | x1) >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>One block of the generator.</summary>
    public static (uint X0, uint X1, uint X2, uint X3) Block(uint key0, uint key1, uint c0, uint c1, uint c2, uint c3)
    {
        for (int round = 0; round < 10; round++)
        {
            ulong product0 = (ulong)Multiplier0 * c0, product1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = ((uint)(product1 >> 32) ^ c1 ^ key0, (uint)product1, (uint)(product0 >> 32) ^ c3 ^ key1, (uint)product0);
            key0 += Weyl0;
            key1 += Weyl1;
        }

        return (c0, c1, c2, c3);
    }
}
