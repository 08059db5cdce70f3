using Fathom.Kernels.Formats;
using Fathom.Memory;
using Fathom.Models.Architectures;

namespace Fathom.Models.Sources;

/// <summary>Applies a <see cref="TensorTransform"/> to plain (F32, F16, BF16) values.</summary>
internal static class TensorRearrangement
{
    /// <summary>Copies a tensor in GGUF's arrangement. The caller owns the result, which keeps the type.</summary>
    public static NativeBuffer Apply(TensorTransform transform, TensorType type, TensorSpec spec, ModelConfig config, NativeView source)
    {
        // Vectors of a projection (biases) permute as columns of one value each.
        int rows = spec.IsVector ? spec.Columns : spec.Rows;
        int columns = spec.IsVector ? 1 : spec.Columns;
        int valueBytes = BlockFormat.Get(type).BytesPerBlock;
        NativeBuffer result = NativeBuffer.Allocate(source.Length);
        switch (transform)
        {
            case TensorTransform.AddOne:
                AddOne(type, source, result.View);
                break;
            case TensorTransform.Transpose when valueBytes == 4:
                Transpose<uint>(source, result.View, rows, columns);
                break;
            case TensorTransform.Transpose:
                Transpose<ushort>(source, result.View, rows, columns);
                break;
            default:
                int heads = transform == TensorTransform.InterleaveQueryHeads ? config.Heads : config.KvHeads;
                Interleave(source, result.View, heads, rows / heads, (long)columns * valueBytes);
                break;
        }

        return result;
    }

    private static void AddOne(TensorType type, NativeView source, NativeView result)
    {
        var values = new float[source.Length / BlockFormat.Get(type).BytesPerBlock];
        BlockCodec.Decode(type, source.AsSpan<byte>(), values);
        for (int i = 0; i < values.Length; i++)
            values[i] += 1;
        BlockCodec.Encode(type, values, result.AsSpan<byte>());
    }

    /// <summary>source [columns, rows] -> result [rows, columns], in tiles that stay in cache.</summary>
    private static void Transpose<T>(NativeView source, NativeView result, int rows, int columns)
        where T : unmanaged
    {
        const int Tile = 32;
        Span<T> from = source.AsSpan<T>();
        Span<T> to = result.AsSpan<T>();
        for (int rowTile = 0; rowTile < rows; rowTile += Tile)
        {
            for (int columnTile = 0; columnTile < columns; columnTile += Tile)
            {
                for (int row = rowTile; row < Math.Min(rows, rowTile + Tile); row++)
                {
                    for (int column = columnTile; column < Math.Min(columns, columnTile + Tile); column++)
                        to[row * columns + column] = from[column * rows + row];
                }
            }
        }
    }

    /// <summary>Row i + s·n/2 of each head (s = 0, 1) becomes its row 2i + s.</summary>
    private static void Interleave(NativeView source, NativeView result, int heads, int headSize, long rowBytes)
    {
        for (int head = 0; head < heads; head++)
        {
            for (int row = 0; row < headSize; row++)
            {
                int half = row & 1;
                int from = head * headSize + half * (headSize / 2) + row / 2;
                source.Slice(from * rowBytes, rowBytes).AsSpan<byte>()
                    .CopyTo(result.Slice(((long)head * headSize + row) * rowBytes, rowBytes).AsSpan<byte>());
            }
        }
    }
}
