using System.Buffers.Binary;
using Fathom.Kernels.Formats;

namespace Fathom.Models.Synthesis;

/// <summary>
/// Random weights written directly in a storage type: random quants under scales that give the wanted deviation and a mean
/// of nearly zero. No values are quantised, so it is as fast as the disk.
/// </summary>
internal static class RandomBlocks
{
    /// <summary>Standard deviation of n-bit quants spread evenly over their whole range.</summary>
    private const double Deviation4Bits = 4.61;
    private const double Deviation6Bits = 18.47;
    private const double Deviation8Bits = 73.9;

    /// <summary>Fills whole blocks of <paramref name="type"/>.</summary>
    public static void Fill(TensorType type, Span<byte> blocks, double deviation, ref RandomStream random)
    {
        int blockBytes = BlockFormat.Get(type).BytesPerBlock;
        random.Fill(blocks);
        switch (type)
        {
            case TensorType.F32:
                FillSingles(blocks, deviation);
                return;
            case TensorType.F16:
                FillHalves(blocks, deviation);
                return;
            case TensorType.BF16:
                FillBrainHalves(blocks, deviation);
                return;
        }

        for (int start = 0; start < blocks.Length; start += blockBytes)
        {
            Span<byte> block = blocks.Slice(start, blockBytes);
            switch (type)
            {
                case TensorType.Q8_0: SetScale(block, 0, deviation / Deviation8Bits, block[2]); break;
                case TensorType.Q4_0: SetScale(block, 0, deviation / Deviation4Bits, block[2]); break;
                case TensorType.Q4_K: ShapeQ4K(block, deviation); break;
                case TensorType.Q6_K: ShapeQ6K(block, deviation); break;
                default: throw new ArgumentOutOfRangeException(nameof(type), type, "no generator for this type");
            }
        }
    }

    /// <summary>A scale of random sign: the range of quants is not symmetric, and their mean must not point one way everywhere.</summary>
    private static void SetScale(Span<byte> block, int at, double scale, byte signBits) =>
        BinaryPrimitives.WriteHalfLittleEndian(block[at..], (Half)((signBits & 1) == 0 ? scale : -scale));

    /// <summary>All eight sub-scales and minima equal, the minimum in the middle of the quants' range.</summary>
    private static void ShapeQ4K(Span<byte> block, double deviation)
    {
        const int Scale = 32;
        double d = deviation / (Deviation4Bits * Scale);
        SetScale(block, 0, d, 0);
        SetScale(block, 2, 7.5 * d, 0);
        // Scales and minima 0-3 stand in six bits each; those of 4-7 are low nibbles here and upper bits in the bytes before.
        for (int i = 0; i < 4; i++)
        {
            block[4 + i] = (Scale & 63) | (Scale >> 4 << 6);
            block[8 + i] = (Scale & 63) | (Scale >> 4 << 6);
            block[12 + i] = (Scale & 15) | ((Scale & 15) << 4);
        }
    }

    /// <summary>Sub-scales of ±16 to ±31.</summary>
    private static void ShapeQ6K(Span<byte> block, double deviation)
    {
        for (int i = 192; i < 208; i++)
        {
            int magnitude = 16 + (block[i] & 15);
            block[i] = (byte)(sbyte)((block[i] & 16) == 0 ? magnitude : -magnitude);
        }

        SetScale(block, 208, deviation / (Deviation6Bits * 24), 0);
    }

    /// <summary>Evenly distributed singles from 16 of their random bits.</summary>
    private static void FillSingles(Span<byte> bytes, double deviation)
    {
        float step = (float)(deviation * Math.Sqrt(12) / 65536);
        for (int i = 0; i < bytes.Length; i += 4)
            BinaryPrimitives.WriteSingleLittleEndian(bytes[i..], (BinaryPrimitives.ReadInt16LittleEndian(bytes[i..]) + 0.5f) * step);
    }

    private static void FillHalves(Span<byte> bytes, double deviation)
    {
        float step = (float)(deviation * Math.Sqrt(12) / 65536);
        for (int i = 0; i < bytes.Length; i += 2)
            BinaryPrimitives.WriteHalfLittleEndian(bytes[i..], (Half)((BinaryPrimitives.ReadInt16LittleEndian(bytes[i..]) + 0.5f) * step));
    }

    /// <summary>bfloat16 is the upper half of a single; cutting is symmetric in the sign, so the mean stays zero.</summary>
    private static void FillBrainHalves(Span<byte> bytes, double deviation)
    {
        float step = (float)(deviation * Math.Sqrt(12) / 65536);
        for (int i = 0; i < bytes.Length; i += 2)
        {
            float value = (BinaryPrimitives.ReadInt16LittleEndian(bytes[i..]) + 0.5f) * step;
            BinaryPrimitives.WriteUInt16LittleEndian(bytes[i..], (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
        }
    }
}
