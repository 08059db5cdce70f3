using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Fathom.Kernels.Formats;

/// <summary>The 16-bit floating-point types.</summary>
internal static class PlainCodec
{
    public static void DecodeHalf(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (var i = 0; i < destination.Length; i++)
            destination[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(source[(2 * i)..]);
    }

    public static void EncodeHalf(ReadOnlySpan<float> source, Span<byte> destination)
    {
        for (var i = 0; i < source.Length; i++)
            BinaryPrimitives.WriteHalfLittleEndian(destination[(2 * i)..], (Half)source[i]);
    }

    public static void DecodeBrain(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (var i = 0; i < destination.Length; i++)
            destination[i] = BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(source[(2 * i)..]) << 16);
    }

    public static void EncodeBrain(ReadOnlySpan<float> source, Span<byte> destination)
    {
        for (var i = 0; i < source.Length; i++)
            BinaryPrimitives.WriteUInt16LittleEndian(destination[(2 * i)..], ToBrain(source[i]));
    }

    /// <summary>Round to nearest even; a NaN stays a NaN (quiet).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ushort ToBrain(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
            return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
