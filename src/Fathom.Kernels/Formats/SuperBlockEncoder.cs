using static System.Buffers.Binary.BinaryPrimitives;

namespace Fathom.Kernels.Formats;

/// <summary>Encoders of the 256-value blocks, after ggml's quantize_row_*_ref; layouts in <see cref="SuperBlockDecoder"/>.</summary>
internal static class SuperBlockEncoder
{
    private const int Values = SuperBlockDecoder.Values;

    public static void EncodeQ2_K(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<byte> levels = stackalloc byte[Values];
        Span<float> scales = stackalloc float[16];
        Span<float> mins = stackalloc float[16];
        Span<float> weights = stackalloc float[16];
        for (var sub = 0; sub < 16; sub++)
        {
            var x = values.Slice(sub * 16, 16);
            for (var l = 0; l < 16; l++)
                weights[l] = MathF.Abs(x[l]);
            (scales[sub], mins[sub]) = ScaleSearch.ScaleAndMin(
                x, weights, 3, new ScaleSearch.Steps(-0.5f, 0.1f, 15), absoluteError: true, levels.Slice(sub * 16, 16));
        }
        var (d, inverse) = Quantum(Max(scales), 15);
        var (dmin, inverseMin) = Quantum(Max(mins), 15);
        for (var sub = 0; sub < 16; sub++)
            block[sub] = (byte)(Round(scales[sub] * inverse, 0, 15) | Round(mins[sub] * inverseMin, 0, 15) << 4);
        WriteHalfLittleEndian(block[80..], (Half)d);
        WriteHalfLittleEndian(block[82..], (Half)dmin);
        d = (float)(Half)d;
        dmin = (float)(Half)dmin;
        for (var sub = 0; sub < 16; sub++)
            Requantise(values.Slice(sub * 16, 16), d * (block[sub] & 15), dmin * (block[sub] >> 4), 3, levels.Slice(sub * 16, 16));
        WriteTwoBits(levels, block.Slice(16, 64));
    }

    public static void EncodeQ3_K(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<byte> levels = stackalloc byte[Values];
        Span<float> scales = stackalloc float[16];
        for (var sub = 0; sub < 16; sub++)
            scales[sub] = ScaleSearch.Descend(values.Slice(sub * 16, 16), 4, levels.Slice(sub * 16, 16));
        var peak = SmallBlockCodec.SignedPeak(scales);
        // Without a peak d is 0, and every value decodes to 0 whatever the quants.
        var inverse = peak == 0 ? 0 : -32 / peak;
        var d = (float)(Half)SmallBlockCodec.Inverse(inverse);
        WriteHalfLittleEndian(block[108..], (Half)d);
        for (var sub = 0; sub < 16; sub++)
        {
            var sc = Round(scales[sub] * inverse, -32, 31);
            var bits = sc + 32;
            block[96 + sub % 8] |= (byte)((bits & 15) << sub / 8 * 4);
            block[96 + 8 + sub % 4] |= (byte)(bits >> 4 << sub / 4 * 2);
            RequantiseSigned(values.Slice(sub * 16, 16), d * sc, 4, levels.Slice(sub * 16, 16));
        }
        for (var j = 0; j < Values; j++)
        {
            block[j % 32] |= (byte)(levels[j] >> 2 << j / 32);
            levels[j] &= 3;
        }
        WriteTwoBits(levels, block.Slice(32, 64));
    }

    public static void EncodeQ4_K(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<byte> levels = stackalloc byte[Values];
        FitEightSubBlocks(values, 15, new ScaleSearch.Steps(-1f, 0.1f, 20), block, levels);
        for (var pair = 0; pair < 4; pair++)
        {
            for (var l = 0; l < 32; l++)
                block[16 + pair * 32 + l] = (byte)(levels[pair * 64 + l] | levels[pair * 64 + 32 + l] << 4);
        }
    }

    public static void EncodeQ5_K(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<byte> levels = stackalloc byte[Values];
        FitEightSubBlocks(values, 31, new ScaleSearch.Steps(-0.5f, 0.1f, 15), block, levels);
        for (var j = 0; j < Values; j++)
        {
            block[16 + j % 32] |= (byte)(levels[j] >> 4 << j / 32);
            block[48 + j / 64 * 32 + j % 32] |= (byte)((levels[j] & 15) << j / 32 % 2 * 4);
        }
    }

    public static void EncodeQ6_K(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<byte> levels = stackalloc byte[Values];
        Span<float> scales = stackalloc float[16];
        for (var sub = 0; sub < 16; sub++)
            scales[sub] = ScaleSearch.Sweep(values.Slice(sub * 16, 16), 32, levels.Slice(sub * 16, 16));
        var peak = SmallBlockCodec.SignedPeak(scales);
        if (MathF.Abs(peak) < ScaleSearch.Nothing)
            return; // all zero: scale 0
        var inverse = -128 / peak;
        var d = (float)(Half)(1 / inverse);
        WriteHalfLittleEndian(block[208..], (Half)d);
        for (var sub = 0; sub < 16; sub++)
        {
            var sc = Round(scales[sub] * inverse, -128, 127);
            block[192 + sub] = (byte)(sbyte)sc;
            RequantiseSigned(values.Slice(sub * 16, 16), d * sc, 32, levels.Slice(sub * 16, 16));
        }
        for (var j = 0; j < Values; j++)
        {
            var (half, row, l) = (j / 128, j % 128 / 32, j % 32);
            block[half * 64 + row % 2 * 32 + l] |= (byte)((levels[j] & 15) << row / 2 * 4);
            block[128 + half * 32 + l] |= (byte)(levels[j] >> 4 << row * 2);
        }
    }

    /// <summary>Scales, mins and levels of Q4_K and Q5_K; writes the block's first 16 bytes.</summary>
    private static void FitEightSubBlocks(
        ReadOnlySpan<float> values, int levelMax, ScaleSearch.Steps steps, Span<byte> block, Span<byte> levels)
    {
        Span<float> scales = stackalloc float[8];
        Span<float> mins = stackalloc float[8];
        Span<float> weights = stackalloc float[32];
        for (var sub = 0; sub < 8; sub++)
        {
            var x = values.Slice(sub * 32, 32);
            var sumSquares = 0f;
            foreach (var value in x)
                sumSquares += value * value;
            var rms = MathF.Sqrt(sumSquares / 32);
            for (var l = 0; l < 32; l++)
                weights[l] = rms + MathF.Abs(x[l]);
            (scales[sub], mins[sub]) =
                ScaleSearch.ScaleAndMin(x, weights, levelMax, steps, absoluteError: false, levels.Slice(sub * 32, 32));
        }
        var (d, inverse) = Quantum(Max(scales), 63);
        var (dmin, inverseMin) = Quantum(Max(mins), 63);
        WriteHalfLittleEndian(block, (Half)d);
        WriteHalfLittleEndian(block[2..], (Half)dmin);
        var packed = block.Slice(4, 12);
        for (var sub = 0; sub < 8; sub++)
        {
            var (sc, m) = (Round(scales[sub] * inverse, 0, 63), Round(mins[sub] * inverseMin, 0, 63));
            if (sub < 4)
            {
                packed[sub] |= (byte)sc;
                packed[sub + 4] |= (byte)m;
            }
            else
            {
                packed[sub + 4] = (byte)(sc & 15 | (m & 15) << 4);
                packed[sub - 4] |= (byte)(sc >> 4 << 6);
                packed[sub] |= (byte)(m >> 4 << 6);
            }
            Requantise(values.Slice(sub * 32, 32), (float)(Half)d * sc, (float)(Half)dmin * m, levelMax, levels.Slice(sub * 32, 32));
        }
    }

    private static void Requantise(ReadOnlySpan<float> values, float scale, float min, int levelMax, Span<byte> levels)
    {
        if (scale == 0)
            return;
        for (var l = 0; l < values.Length; l++)
            levels[l] = (byte)Round((values[l] + min) / scale, 0, levelMax);
    }

    private static void RequantiseSigned(ReadOnlySpan<float> values, float scale, int offset, Span<byte> levels)
    {
        if (scale == 0)
            return;
        for (var l = 0; l < values.Length; l++)
            levels[l] = (byte)(Round(values[l] / scale, -offset, offset - 1) + offset);
    }

    /// <summary>2-bit levels of 128 values to 32 bytes, values 32 apart in one byte.</summary>
    private static void WriteTwoBits(ReadOnlySpan<byte> levels, Span<byte> target)
    {
        for (var j = 0; j < Values; j++)
            target[j / 128 * 32 + j % 32] |= (byte)(levels[j] << j % 128 / 32 * 2);
    }

    private static (float Quantum, float Inverse) Quantum(float max, int levelMax) =>
        max > 0 ? (max / levelMax, levelMax / max) : (0, 0);

    private static float Max(ReadOnlySpan<float> values)
    {
        var max = 0f;
        foreach (var value in values)
            max = MathF.Max(max, value);
        return max;
    }

    private static int Round(float value, int min, int max) => Math.Clamp((int)MathF.Round(value), min, max);
}
