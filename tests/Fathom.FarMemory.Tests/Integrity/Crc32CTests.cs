using System.Text;
using Fathom.FarMemory.Integrity;
using Fathom.Memory;

namespace Fathom.FarMemory.Tests.Integrity;

public class Crc32CTests
{
    [Fact]
    public void Compute_PublishedVectors_Match()
    {
        // RFC 3720 (iSCSI), appendix B.4, and the check value of the CRC catalogue.
        Assert.Equal(0xE3069283u, Crc32C.Compute(Encoding.ASCII.GetBytes("123456789")));
        Assert.Equal(0x8A9136AAu, Crc32C.Compute(new byte[32]));
        Assert.Equal(0x62A8AB43u, Crc32C.Compute(Enumerable.Repeat((byte)0xFF, 32).ToArray()));
        Assert.Equal(0x46DD794Eu, Crc32C.Compute(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray()));
        Assert.Equal(0u, Crc32C.Compute([]));
    }

    [Fact]
    public void Compute_EveryLengthAroundTheChains_EqualsBitByBit()
    {
        var data = new byte[3 * 1024 * 3 + 40];
        new Random(5).NextBytes(data);
        foreach (var length in Enumerable.Range(0, 40).Concat(Enumerable.Range(3060, 30)).Concat(Enumerable.Range(6140, 20)).Append(data.Length))
            Assert.Equal(BitByBit(data.AsSpan(0, length)), Crc32C.Compute(data.AsSpan(0, length)));
    }

    [Fact]
    public void Append_InPieces_EqualsTheWhole()
    {
        using var buffer = NativeBuffer.Allocate(10_000);
        var data = buffer.View.AsSpan<byte>();
        new Random(6).NextBytes(data);
        var whole = Crc32C.Compute(buffer.View);
        for (var cut = 0; cut < data.Length; cut += 997)
            Assert.Equal(whole, Crc32C.Append(Crc32C.Compute(data[..cut]), data[cut..]));
    }

    private static uint BitByBit(ReadOnlySpan<byte> data)
    {
        var register = ~0u;
        foreach (var value in data)
        {
            register ^= value;
            for (var bit = 0; bit < 8; bit++)
                register = (register & 1) != 0 ? (register >> 1) ^ 0x82F63B78 : register >> 1;
        }
        return ~register;
    }
}
