using static System.Buffers.Binary.BinaryPrimitives;

namespace Fathom.Kernels.Formats;

/// <summary>The 32-value blocks with one scale: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0.</summary>
/// <remarks>In the 4- and 5-bit blocks byte j holds value j in its low nibble and value j + 16 in its high nibble.</remarks>
internal static class SmallBlockCodec
{
    public const int Values = 32;

    public static void DecodeQ4_0(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = (float)ReadHalfLittleEndian(block);
        var q = block.Slice(2, 16);
        for (var j = 0; j < 16; j++)
        {
            values[j] = ((q[j] & 15) - 8) * d;
            values[j + 16] = ((q[j] >> 4) - 8) * d;
        }
    }

    public static void DecodeQ4_1(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = (float)ReadHalfLittleEndian(block);
        var m = (float)ReadHalfLittleEndian(block[2..]);
        var q = block.Slice(4, 16);
        for (var j = 0; j < 16; j++)
        {
            values[j] = (q[j] & 15) * d + m;
            values[j + 16] = (q[j] >> 4) * d + m;
        }
    }

    public static void DecodeQ5_0(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = (float)ReadHalfLittleEndian(block);
        var high = ReadUInt32LittleEndian(block[2..]);
        var q = block.Slice(6, 16);
        for (var j = 0; j < 16; j++)
        {
            values[j] = ((q[j] & 15 | FifthBit(high, j)) - 16) * d;
            values[j + 16] = ((q[j] >> 4 | FifthBit(high, j + 16)) - 16) * d;
        }
    }

    public static void DecodeQ5_1(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = (float)ReadHalfLittleEndian(block);
        var m = (float)ReadHalfLittleEndian(block[2..]);
        var high = ReadUInt32LittleEndian(block[4..]);
        var q = block.Slice(8, 16);
        for (var j = 0; j < 16; j++)
        {
            values[j] = (q[j] & 15 | FifthBit(high, j)) * d + m;
            values[j + 16] = (q[j] >> 4 | FifthBit(high, j + 16)) * d + m;
        }
    }

    public static void DecodeQ8_0(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = (float)ReadHalfLittleEndian(block);
        var q = block.Slice(2, Values);
        for (var j = 0; j < Values; j++)
            values[j] = (sbyte)q[j] * d;
    }

    public static void EncodeQ4_0(ReadOnlySpan<float> values, Span<byte> block)
    {
        // The value of largest magnitude becomes exactly -8, which the range has and +8 it has not.
        var d = SignedPeak(values) / -8;
        var inverse = Inverse(d);
        WriteHalfLittleEndian(block, (Half)d);
        for (var j = 0; j < 16; j++)
            block[2 + j] = (byte)(Level(values[j] * inverse + 8.5f, 15) | Level(values[j + 16] * inverse + 8.5f, 15) << 4);
    }

    public static void EncodeQ4_1(ReadOnlySpan<float> values, Span<byte> block)
    {
        var (min, max) = Range(values);
        var d = (max - min) / 15;
        var inverse = Inverse(d);
        WriteHalfLittleEndian(block, (Half)d);
        WriteHalfLittleEndian(block[2..], (Half)min);
        for (var j = 0; j < 16; j++)
        {
            block[4 + j] = (byte)(Level((values[j] - min) * inverse + 0.5f, 15)
                | Level((values[j + 16] - min) * inverse + 0.5f, 15) << 4);
        }
    }

    public static void EncodeQ5_0(ReadOnlySpan<float> values, Span<byte> block)
    {
        var d = SignedPeak(values) / -16;
        var inverse = Inverse(d);
        WriteHalfLittleEndian(block, (Half)d);
        Span<int> levels = stackalloc int[Values];
        for (var j = 0; j < Values; j++)
            levels[j] = Level(values[j] * inverse + 16.5f, 31);
        WriteFiveBits(levels, block.Slice(2, 4), block[6..]);
    }

    public static void EncodeQ5_1(ReadOnlySpan<float> values, Span<byte> block)
    {
        var (min, max) = Range(values);
        var d = (max - min) / 31;
        var inverse = Inverse(d);
        WriteHalfLittleEndian(block, (Half)d);
        WriteHalfLittleEndian(block[2..], (Half)min);
        Span<int> levels = stackalloc int[Values];
        for (var j = 0; j < Values; j++)
            levels[j] = Level((values[j] - min) * inverse + 0.5f, 31);
        WriteFiveBits(levels, block.Slice(4, 4), block[8..]);
    }

    public static void EncodeQ8_0(ReadOnlySpan<float> values, Span<byte> block)
    {
        var d = MathF.Abs(SignedPeak(values)) / 127;
        var inverse = Inverse(d);
        WriteHalfLittleEndian(block, (Half)d);
        for (var j = 0; j < Values; j++)
            block[2 + j] = (byte)(sbyte)Math.Clamp((int)MathF.Round(values[j] * inverse, MidpointRounding.AwayFromZero), -127, 127);
    }

    /// <summary>The value of largest magnitude, with its sign; the first of several.</summary>
    public static float SignedPeak(ReadOnlySpan<float> values)
    {
        var peak = 0f;
        foreach (var value in values)
        {
            if (MathF.Abs(value) > MathF.Abs(peak))
                peak = value;
        }
        return peak;
    }

    public static float Inverse(float d) => d == 0 ? 0 : 1 / d;

    private static int FifthBit(uint high, int j) => (int)(high >> j & 1) << 4;

    private static int Level(float shifted, int max) => Math.Clamp((int)shifted, 0, max);

    private static (float Min, float Max) Range(ReadOnlySpan<float> values)
    {
        var (min, max) = (values[0], values[0]);
        foreach (var value in values)
            (min, max) = (MathF.Min(min, value), MathF.Max(max, value));
        return (min, max);
    }

    private static void WriteFiveBits(ReadOnlySpan<int> levels, Span<byte> high, Span<byte> nibbles)
    {
        var bits = 0u;
        for (var j = 0; j < Values; j++)
            bits |= (uint)(levels[j] >> 4) << j;
        WriteUInt32LittleEndian(high, bits);
        for (var j = 0; j < 16; j++)
            nibbles[j] = (byte)(levels[j] & 15 | (levels[j + 16] & 15) << 4);
    }
}
