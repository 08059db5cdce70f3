using System.Runtime.InteropServices;

namespace Fathom.Kernels.Formats;

/// <summary>Decodes and encodes the blocks of every tensor type, value by value as ggml defines them.</summary>
public static class BlockCodec
{
    /// <summary>Decodes whole blocks.</summary>
    /// <param name="type">Type of the source.</param>
    /// <param name="source">Whole blocks.</param>
    /// <param name="destination">Exactly as many values as the blocks hold.</param>
    /// <exception cref="ArgumentException">The lengths do not agree.</exception>
    public static void Decode(TensorType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        CheckLengths(type, source.Length, destination.Length);
        switch (type)
        {
            case TensorType.F32:
                MemoryMarshal.Cast<byte, float>(source).CopyTo(destination);
                break;
            case TensorType.F16:
                PlainCodec.DecodeHalf(source, destination);
                break;
            case TensorType.BF16:
                PlainCodec.DecodeBrain(source, destination);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "No decoder for this type.");
        }
    }

    /// <summary>Encodes whole blocks with the quality of ggml's reference quantisers.</summary>
    /// <param name="type">Type of the destination.</param>
    /// <param name="source">A whole number of blocks of values.</param>
    /// <param name="destination">Exactly as many bytes as the blocks take.</param>
    /// <exception cref="ArgumentException">The lengths do not agree.</exception>
    public static void Encode(TensorType type, ReadOnlySpan<float> source, Span<byte> destination)
    {
        CheckLengths(type, destination.Length, source.Length);
        switch (type)
        {
            case TensorType.F32:
                source.CopyTo(MemoryMarshal.Cast<byte, float>(destination));
                break;
            case TensorType.F16:
                PlainCodec.EncodeHalf(source, destination);
                break;
            case TensorType.BF16:
                PlainCodec.EncodeBrain(source, destination);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "No encoder for this type.");
        }
    }

    private static void CheckLengths(TensorType type, int bytes, int values)
    {
        if (BlockFormat.Get(type).RowBytes(values) != bytes)
            throw new ArgumentException($"{values} values of {type} take {BlockFormat.Get(type).RowBytes(values)} bytes, not {bytes}.");
    }
}
