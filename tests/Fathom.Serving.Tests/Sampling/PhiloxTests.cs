using Fathom.Serving.Sampling;

namespace Fathom.Serving.Tests.Sampling;

public class PhiloxTests
{
    [Fact]
    public void Block_KnownAnswers_Agree()
    {
        // Random123's kat_vectors for philox4x32-10.
        Assert.Equal((0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u), Philox.Block(0, 0, 0, 0, 0, 0));
        const uint All = uint.MaxValue;
        Assert.Equal((0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu), Philox.Block(All, All, All, All, All, All));
        Assert.Equal(
            (0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u),
            Philox.Block(0xa4093822, 0x299f31d0, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344));
    }

    [Fact]
    public void Uniform_OverCounters_IsUniformAndDiffersBySeedAndChoice()
    {
        const int Draws = 100_000, Bins = 50;
        var counts = new int[Bins];
        for (uint i = 0; i < Draws; i++)
            counts[(int)(Philox.Uniform(42, 1, i) * Bins)]++;
        double chiSquare = counts.Sum(count => Math.Pow(count - (Draws / Bins), 2) / (Draws / Bins));

        // 49 degrees of freedom: 85.4 is the 99.9th percentile.
        Assert.InRange(chiSquare, 0, 85.4);
        Assert.NotEqual(Philox.Uniform(42, 1, 0), Philox.Uniform(43, 1, 0));
        Assert.NotEqual(Philox.Uniform(42, 1, 0), Philox.Uniform(42, 2, 0));
        Assert.NotEqual(Philox.Uniform(42, 1, 0), Philox.Uniform(42 + (1UL << 40), 1, 0));
    }
}
