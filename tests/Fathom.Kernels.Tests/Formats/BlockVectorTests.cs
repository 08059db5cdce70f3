using Fathom.Kernels.Formats;

namespace Fathom.Kernels.Tests.Formats;

/// <summary>Blocks written byte by byte from the formats' definitions, with values worked out by hand.</summary>
public class BlockVectorTests
{
    private static readonly byte[] Half0_5 = [0x00, 0x38];
    private static readonly byte[] Half0_25 = [0x00, 0x34];
    private static readonly byte[] Half2 = [0x00, 0x40];

    [Fact]
    public void Plain_KnownBits_Decode()
    {
        Assert.Equal([1f, -2f], Decode(TensorType.F32, [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0], 2));
        // 0x7BFF is the largest half, 0x0001 the smallest subnormal, 2^-24.
        Assert.Equal([65504f, 5.9604645e-8f, -0.5f], Decode(TensorType.F16, [0xFF, 0x7B, 0x01, 0x00, 0x00, 0xB8], 3));
        Assert.Equal([1f, -2f, 3.140625f], Decode(TensorType.BF16, [0x80, 0x3F, 0x00, 0xC0, 0x49, 0x40], 3));
    }

    [Fact]
    public void Q4_0_KnownBytes_Decode()
    {
        var block = Block(18, (0, Half0_5), (2, [0x1F]), (17, [0x80]));
        var values = Decode(TensorType.Q4_0, block, 32);
        Assert.Equal((3.5f, -3.5f), (values[0], values[16])); // (15-8)/2, (1-8)/2
        Assert.Equal((-4f, 0f), (values[15], values[31])); // (0-8)/2, (8-8)/2
        Assert.Equal(-4f, values[1]);
    }

    [Fact]
    public void Q4_1_KnownBytes_Decode()
    {
        var values = Decode(TensorType.Q4_1, Block(20, (0, Half0_5), (2, Half2), (4, [0x3A])), 32);
        Assert.Equal((7f, 3.5f, 2f), (values[0], values[16], values[1])); // 10/2+2, 3/2+2, 0+2
    }

    [Fact]
    public void Q5_0_KnownBytes_Decode()
    {
        // Fifth bits: value 0 and value 31.
        var values = Decode(TensorType.Q5_0, Block(22, (0, Half0_5), (2, [0x01, 0, 0, 0x80]), (6, [0x21]), (21, [0xF0])), 32);
        Assert.Equal((0.5f, -7f), (values[0], values[16])); // (16+1-16)/2, (2-16)/2
        Assert.Equal((-8f, 7.5f), (values[15], values[31])); // (0-16)/2, (16+15-16)/2
    }

    [Fact]
    public void Q5_1_KnownBytes_Decode()
    {
        var values = Decode(TensorType.Q5_1, Block(24, (0, Half0_5), (2, Half2), (4, [0x00, 0, 0x01, 0]), (8, [0x21])), 32);
        Assert.Equal((2.5f, 11f), (values[0], values[16])); // 1/2+2, (16+2)/2+2
    }

    [Fact]
    public void Q8_0_KnownBytes_Decode()
    {
        var values = Decode(TensorType.Q8_0, Block(34, (0, Half0_25), (2, [127]), (33, [0x80])), 32);
        Assert.Equal((31.75f, 0f, -32f), (values[0], values[1], values[31]));
    }

    [Fact]
    public void Q2_K_KnownBytes_Decode()
    {
        // Sub-block 0 (values 0-15): scale 3, min 2; sub-block 13 (values 208-223): scale 15, min 1.
        // Value 208 = second half, row (208-128)/32 = 2, so bits 4-5 of qs[32 + 16].
        var block = Block(84, (0, [0x23]), (13, [0x1F]), (16, [0x02]), (16 + 32 + 16, [0x30]), (80, Half0_5), (82, Half0_25));
        var values = Decode(TensorType.Q2_K, block, 256);
        Assert.Equal((2.5f, -0.5f), (values[0], values[1])); // 0.5·3·2 - 0.25·2
        Assert.Equal((22.25f, -0.25f), (values[208], values[209])); // 0.5·15·3 - 0.25
    }

    [Fact]
    public void Q3_K_KnownBytes_Decode()
    {
        // Scale 0: low nibble 5, high bits 3 -> 53 - 32 = 21. Scale 9: nibble 7 (high half of byte 1), high bits 1 (bits 4-5 of
        // byte 8+1) -> 23 - 32 = -9. Value 0: low bits 1, hmask bit 0 set: 1 + 4 - 4. Value 144 (sub-block 9): row 4, hmask bit 4 clear.
        var block = Block(110, (0, [0x01]), (32, [0x01]), (32 + 32 + 16, [0x02]), (96, [0x05, 0x70]), (104, [0x03, 0x10]), (108, Half0_5));
        var values = Decode(TensorType.Q3_K, block, 256);
        Assert.Equal(10.5f, values[0]); // 0.5·21·1
        Assert.Equal(-42f, values[1]); // 0.5·21·(0-4)
        Assert.Equal(9f, values[144]); // 0.5·-9·(2-4)
    }

    [Fact]
    public void Q4_K_KnownBytes_Decode()
    {
        // Sub-block 1: scale 7, min 9. Sub-block 6: scale = nibble 5 | 2<<4 = 37 (top bits of byte 2), min = nibble 3 | 1<<4 = 19.
        var block = Block(144, (0, Half0_5), (2, Half0_25), (4 + 1, [0x07]), (4 + 5, [0x09]), (4 + 2, [0x80]), (4 + 6, [0x40]),
            (4 + 10, [0x35]), (16, [0xB0]), (16 + 96 + 31, [0x0C]));
        var values = Decode(TensorType.Q4_K, block, 256);
        Assert.Equal(36.25f, values[32]); // 0.5·7·11 - 0.25·9
        Assert.Equal(-2.25f, values[33]);
        Assert.Equal(217.25f, values[6 * 32 + 31]); // 0.5·37·12 - 0.25·19
    }

    [Fact]
    public void Q5_K_KnownBytes_Decode()
    {
        var block = Block(176, (0, Half0_5), (2, Half0_25), (4 + 1, [0x07]), (4 + 5, [0x09]), (16, [0x02]), (48, [0xB0]));
        var values = Decode(TensorType.Q5_K, block, 256);
        Assert.Equal((92.25f, -2.25f), (values[32], values[33])); // 0.5·7·(16+11) - 0.25·9
        Assert.Equal(0f, values[0]); // scale and min 0
    }

    [Fact]
    public void Q6_K_KnownBytes_Decode()
    {
        // Value 5: low nibble of ql[5], bits 0-1 of qh[5], scale 0. Value 128+96+20: high nibble of ql[64+32+20], bits 6-7 of
        // qh[32+20], scale (128+96+20)/16 = 15.
        var block = Block(210, (5, [0x03]), (128 + 5, [0x03]), (64 + 32 + 20, [0xF0]), (128 + 32 + 20, [0x40]), (192, [0xFE]),
            (192 + 15, [0x05]), (208, Half0_5));
        var values = Decode(TensorType.Q6_K, block, 256);
        Assert.Equal(-19f, values[5]); // 0.5·-2·(3+48-32)
        Assert.Equal(32f, values[0]); // 0.5·-2·-32
        Assert.Equal(-2.5f, values[244]); // 0.5·5·(15+16-32)
    }

    [Fact]
    public void IQ4_NL_KnownBytes_Decode()
    {
        var values = Decode(TensorType.IQ4_NL, Block(18, (0, Half0_5), (2, [0xF8])), 32);
        Assert.Equal((0.5f, 56.5f, -63.5f), (values[0], values[16], values[1])); // levels 1, 113, -127
    }

    [Fact]
    public void MXFP4_KnownBytes_Decode()
    {
        // E8M0 129 = 2^2; E2M1 codes 7 = 6 and 11 = -1.5.
        var values = Decode(TensorType.MXFP4, Block(17, (0, [129]), (1, [0xB7])), 32);
        Assert.Equal((24f, -6f, 0f), (values[0], values[16], values[1]));
        // Smallest scales: 2^-127 and 2^-126.
        Assert.Equal(MathF.ScaleB(6, -127), Decode(TensorType.MXFP4, Block(17, (0, [0]), (1, [0x07])), 32)[0]);
        Assert.Equal(MathF.ScaleB(6, -126), Decode(TensorType.MXFP4, Block(17, (0, [1]), (1, [0x07])), 32)[0]);
    }

    private static byte[] Block(int length, params (int Offset, byte[] Bytes)[] fields)
    {
        var block = new byte[length];
        foreach (var (offset, bytes) in fields)
            bytes.CopyTo(block, offset);
        return block;
    }

    private static float[] Decode(TensorType type, byte[] block, int values)
    {
        var decoded = new float[values];
        BlockCodec.Decode(type, block, decoded);
        return decoded;
    }
}
