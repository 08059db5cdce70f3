using static System.Buffers.Binary.BinaryPrimitives;

namespace Fathom.Kernels.Formats;

/// <summary>The 256-value blocks (ggml's k-quants): scales of sub-blocks are themselves quantised.</summary>
/// <remarks>Layouts: ggml-common.h. Quants of the same byte lie 32 values apart, so that 32 bytes decode to rows of 32.</remarks>
internal static class SuperBlockDecoder
{
    public const int Values = 256;

    /// <summary>Q2_K {scales[16]: 4-bit scale, 4-bit min; qs[64]; half d, dmin}: x = d·sc·q - dmin·m for each 16 values.</summary>
    public static void DecodeQ2_K(ReadOnlySpan<byte> block, Span<float> values)
    {
        var scales = block[..16];
        var d = (float)ReadHalfLittleEndian(block[80..]);
        var dmin = (float)ReadHalfLittleEndian(block[82..]);
        for (var sub = 0; sub < 16; sub++)
        {
            var (scale, min) = (d * (scales[sub] & 15), dmin * (scales[sub] >> 4));
            var q = block.Slice(16 + sub / 8 * 32 + sub % 2 * 16, 16);
            var shift = sub % 8 / 2 * 2;
            var target = values.Slice(sub * 16, 16);
            for (var l = 0; l < 16; l++)
                target[l] = scale * (q[l] >> shift & 3) - min;
        }
    }

    /// <summary>Q3_K {hmask[32]; qs[64]; scales[12]: 16 of 6 bits; half d}: x = d·(sc - 32)·(q - 4), q's third bit in hmask.</summary>
    public static void DecodeQ3_K(ReadOnlySpan<byte> block, Span<float> values)
    {
        var scales = block.Slice(96, 12);
        var d = (float)ReadHalfLittleEndian(block[108..]);
        for (var sub = 0; sub < 16; sub++)
        {
            var scale = d * (ScaleQ3_K(scales, sub) - 32);
            var high = block.Slice(sub % 2 * 16, 16);
            var q = block.Slice(32 + sub / 8 * 32 + sub % 2 * 16, 16);
            var (shift, bit) = (sub % 8 / 2 * 2, sub / 2);
            var target = values.Slice(sub * 16, 16);
            for (var l = 0; l < 16; l++)
                target[l] = scale * ((q[l] >> shift & 3 | (high[l] >> bit & 1) << 2) - 4);
        }
    }

    /// <summary>Q4_K {half d, dmin; scales[12]: 8 x (6-bit scale, 6-bit min); qs[128]}: x = d·sc·q - dmin·m for each 32 values.</summary>
    public static void DecodeQ4_K(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = (float)ReadHalfLittleEndian(block);
        var dmin = (float)ReadHalfLittleEndian(block[2..]);
        var scales = block.Slice(4, 12);
        for (var sub = 0; sub < 8; sub++)
        {
            var (sc, m) = ScaleAndMin(scales, sub);
            var (scale, min) = (d * sc, dmin * m);
            var q = block.Slice(16 + sub / 2 * 32, 32);
            var shift = sub % 2 * 4;
            var target = values.Slice(sub * 32, 32);
            for (var l = 0; l < 32; l++)
                target[l] = scale * (q[l] >> shift & 15) - min;
        }
    }

    /// <summary>Q5_K {half d, dmin; scales[12]; qh[32]; qs[128]}: as Q4_K with the fifth bit in qh.</summary>
    public static void DecodeQ5_K(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = (float)ReadHalfLittleEndian(block);
        var dmin = (float)ReadHalfLittleEndian(block[2..]);
        var scales = block.Slice(4, 12);
        var high = block.Slice(16, 32);
        for (var sub = 0; sub < 8; sub++)
        {
            var (sc, m) = ScaleAndMin(scales, sub);
            var (scale, min) = (d * sc, dmin * m);
            var q = block.Slice(48 + sub / 2 * 32, 32);
            var shift = sub % 2 * 4;
            var target = values.Slice(sub * 32, 32);
            for (var l = 0; l < 32; l++)
                target[l] = scale * (q[l] >> shift & 15 | (high[l] >> sub & 1) << 4) - min;
        }
    }

    /// <summary>Q6_K {ql[128]; qh[64]; i8 scales[16]; half d}: x = d·sc·(q - 32) for each 16 values.</summary>
    public static void DecodeQ6_K(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = (float)ReadHalfLittleEndian(block[208..]);
        for (var sub = 0; sub < 16; sub++)
        {
            var scale = d * (sbyte)block[192 + sub];
            var (half, row) = (sub / 8, sub % 8 / 2);
            var low = block.Slice(half * 64 + row % 2 * 32 + sub % 2 * 16, 16);
            var high = block.Slice(128 + half * 32 + sub % 2 * 16, 16);
            var (lowShift, highShift) = (row / 2 * 4, row * 2);
            var target = values.Slice(sub * 16, 16);
            for (var l = 0; l < 16; l++)
                target[l] = scale * ((low[l] >> lowShift & 15 | (high[l] >> highShift & 3) << 4) - 32);
        }
    }

    /// <summary>6-bit scale and minimum of sub-block 0 to 7 from the 12 bytes that Q4_K and Q5_K share.</summary>
    public static (int Scale, int Min) ScaleAndMin(ReadOnlySpan<byte> scales, int sub) => sub < 4
        ? (scales[sub] & 63, scales[sub + 4] & 63)
        : (scales[sub + 4] & 15 | scales[sub - 4] >> 6 << 4, scales[sub + 4] >> 4 | scales[sub] >> 6 << 4);

    /// <summary>6-bit scale of sub-block 0 to 15: nibbles in the first 8 bytes, upper two bits in the last 4.</summary>
    public static int ScaleQ3_K(ReadOnlySpan<byte> scales, int sub) =>
        scales[sub % 8] >> sub / 8 * 4 & 15 | (scales[8 + sub % 4] >> sub / 4 * 2 & 3) << 4;
}
