using System.Runtime.InteropServices;

namespace Fathom.Kernels.Formats;

/// <summary>Decodes and encodes the blocks of every tensor type, value by value as ggml defines them.</summary>
/// <remarks>All types are little-endian, as is every machine Fathom runs on. Allocates nothing.</remarks>
public static unsafe class BlockCodec
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
                return;
            case TensorType.F16:
                PlainCodec.DecodeHalf(source, destination);
                return;
            case TensorType.BF16:
                PlainCodec.DecodeBrain(source, destination);
                return;
        }

        delegate*<ReadOnlySpan<byte>, Span<float>, void> decode = type switch
        {
            TensorType.Q4_0 => &SmallBlockCodec.DecodeQ4_0,
            TensorType.Q4_1 => &SmallBlockCodec.DecodeQ4_1,
            TensorType.Q5_0 => &SmallBlockCodec.DecodeQ5_0,
            TensorType.Q5_1 => &SmallBlockCodec.DecodeQ5_1,
            TensorType.Q8_0 => &SmallBlockCodec.DecodeQ8_0,
            TensorType.IQ4_NL => &TableCodec.DecodeIQ4_NL,
            TensorType.MXFP4 => &TableCodec.DecodeMXFP4,
            TensorType.Q2_K => &SuperBlockDecoder.DecodeQ2_K,
            TensorType.Q3_K => &SuperBlockDecoder.DecodeQ3_K,
            TensorType.Q4_K => &SuperBlockDecoder.DecodeQ4_K,
            TensorType.Q5_K => &SuperBlockDecoder.DecodeQ5_K,
            TensorType.Q6_K => &SuperBlockDecoder.DecodeQ6_K,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No decoder for this type."),
        };
        var format = BlockFormat.Get(type);
        for (; !source.IsEmpty; source = source[format.BytesPerBlock..], destination = destination[format.ValuesPerBlock..])
            decode(source[..format.BytesPerBlock], destination[..format.ValuesPerBlock]);
    }

    /// <summary>Encodes whole blocks with the quality of ggml's reference quantisers.</summary>
    /// <param name="type">Type of the destination.</param>
    /// <param name="source">A whole number of blocks of finite values.</param>
    /// <param name="destination">Exactly as many bytes as the blocks take.</param>
    /// <exception cref="ArgumentException">The lengths do not agree.</exception>
    public static void Encode(TensorType type, ReadOnlySpan<float> source, Span<byte> destination)
    {
        CheckLengths(type, destination.Length, source.Length);
        switch (type)
        {
            case TensorType.F32:
                source.CopyTo(MemoryMarshal.Cast<byte, float>(destination));
                return;
            case TensorType.F16:
                PlainCodec.EncodeHalf(source, destination);
                return;
            case TensorType.BF16:
                PlainCodec.EncodeBrain(source, destination);
                return;
        }

        delegate*<ReadOnlySpan<float>, Span<byte>, void> encode = type switch
        {
            TensorType.Q4_0 => &SmallBlockCodec.EncodeQ4_0,
            TensorType.Q4_1 => &SmallBlockCodec.EncodeQ4_1,
            TensorType.Q5_0 => &SmallBlockCodec.EncodeQ5_0,
            TensorType.Q5_1 => &SmallBlockCodec.EncodeQ5_1,
            TensorType.Q8_0 => &SmallBlockCodec.EncodeQ8_0,
            TensorType.IQ4_NL => &TableCodec.EncodeIQ4_NL,
            TensorType.MXFP4 => &TableCodec.EncodeMXFP4,
            TensorType.Q2_K => &SuperBlockEncoder.EncodeQ2_K,
            TensorType.Q3_K => &SuperBlockEncoder.EncodeQ3_K,
            TensorType.Q4_K => &SuperBlockEncoder.EncodeQ4_K,
            TensorType.Q5_K => &SuperBlockEncoder.EncodeQ5_K,
            TensorType.Q6_K => &SuperBlockEncoder.EncodeQ6_K,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No encoder for this type."),
        };
        var format = BlockFormat.Get(type);
        for (; !source.IsEmpty; source = source[format.ValuesPerBlock..], destination = destination[format.BytesPerBlock..])
        {
            var block = destination[..format.BytesPerBlock];
            block.Clear(); // encoders set bits into it
            encode(source[..format.ValuesPerBlock], block);
        }
    }

    private static void CheckLengths(TensorType type, int bytes, int values)
    {
        if (BlockFormat.Get(type).RowBytes(values) != bytes)
            throw new ArgumentException($"{values} values of {type} take {BlockFormat.Get(type).RowBytes(values)} bytes, not {bytes}.");
    }
}
