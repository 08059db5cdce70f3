using System.Runtime.CompilerServices;
using static System.Buffers.Binary.BinaryPrimitives;

namespace Fathom.Kernels.Formats;

/// <summary>The 32-value blocks whose nibbles index a table: IQ4_NL and MXFP4.</summary>
/// <remarks>Byte j holds value j in its low nibble and value j + 16 in its high nibble.</remarks>
internal static class TableCodec
{
    private const int Values = 32;

    /// <summary>Scales tried on each side of the plain one, as ggml's quantiser does.</summary>
    private const int ScaleSteps = 7;

    /// <summary>IQ4_NL's levels: ggml's kvalues_iq4nl.</summary>
    public static ReadOnlySpan<sbyte> UnevenLevels => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    /// <summary>Twice the sixteen E2M1 floats, so that they are integers.</summary>
    public static ReadOnlySpan<sbyte> DoubledE2M1 => [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

    public static void DecodeIQ4_NL(ReadOnlySpan<byte> block, Span<float> values) =>
        Decode(UnevenLevels, (float)ReadHalfLittleEndian(block), block.Slice(2, 16), values);

    public static void DecodeMXFP4(ReadOnlySpan<byte> block, Span<float> values) =>
        Decode(DoubledE2M1, HalfOfE8M0(block[0]), block.Slice(1, 16), values);

    public static void EncodeIQ4_NL(ReadOnlySpan<float> values, Span<byte> block)
    {
        var peak = SmallBlockCodec.SignedPeak(values);
        if (MathF.Abs(peak) < 1e-15f)
            return;
        // Least squares weighted by x²: for given levels the best scale is sum(wqx) / sum(wqq), and its gain (sum wqx)²/sum(wqq).
        var (d, gain) = FitUneven(values, -UnevenLevels[0] / peak);
        for (var step = -ScaleSteps; step <= ScaleSteps; step++)
        {
            var (candidate, candidateGain) = FitUneven(values, (step + UnevenLevels[0]) / peak);
            if (candidateGain > gain)
                (d, gain) = (candidate, candidateGain);
        }
        WriteHalfLittleEndian(block, (Half)d);
        Encode(UnevenLevels, SmallBlockCodec.Inverse(d), values, block[2..]);
    }

    public static void EncodeMXFP4(ReadOnlySpan<float> values, Span<byte> block)
    {
        var peak = MathF.Abs(SmallBlockCodec.SignedPeak(values));
        // 6 = 1.5·2² is the largest E2M1 float, so the peak's exponent minus 2 keeps it in range.
        var exponent = peak > 0 ? Math.Clamp((int)MathF.Floor(MathF.Log2(peak)) - 2 + 127, 0, 254) : 0;
        block[0] = (byte)exponent;
        Encode(DoubledE2M1, 1 / HalfOfE8M0(block[0]), values, block[1..]);
    }

    /// <summary>2^(e - 128), which undoes the doubling of the table; E8M0's smallest two are subnormal singles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float HalfOfE8M0(byte e) => BitConverter.UInt32BitsToSingle(e < 2 ? 0x0020_0000u << e : (uint)(e - 1) << 23);

    private static void Decode(ReadOnlySpan<sbyte> levels, float d, ReadOnlySpan<byte> q, Span<float> values)
    {
        for (var j = 0; j < 16; j++)
        {
            values[j] = levels[q[j] & 15] * d;
            values[j + 16] = levels[q[j] >> 4] * d;
        }
    }

    private static void Encode(ReadOnlySpan<sbyte> levels, float inverse, ReadOnlySpan<float> values, Span<byte> q)
    {
        for (var j = 0; j < 16; j++)
            q[j] = (byte)(Nearest(levels, values[j] * inverse) | Nearest(levels, values[j + 16] * inverse) << 4);
    }

    private static (float Scale, float Gain) FitUneven(ReadOnlySpan<float> values, float inverse)
    {
        float sumQx = 0, sumQq = 0;
        for (var j = 0; j < Values; j++)
        {
            float q = UnevenLevels[Nearest(UnevenLevels, values[j] * inverse)];
            var weight = values[j] * values[j];
            sumQx += weight * q * values[j];
            sumQq += weight * q * q;
        }
        return sumQq > 0 ? (sumQx / sumQq, sumQx / sumQq * sumQx) : (0, 0);
    }

    private static int Nearest(ReadOnlySpan<sbyte> levels, float value)
    {
        var best = 0;
        for (var i = 1; i < levels.Length; i++)
        {
            if (MathF.Abs(levels[i] - value) < MathF.Abs(levels[best] - value))
                best = i;
        }
        return best;
    }
}
