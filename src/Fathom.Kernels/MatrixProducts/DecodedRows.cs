using Fathom.Kernels.Formats;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Weights of a type without kernels of its own: rows as in the file, decoded to singles for every product.</summary>
internal sealed unsafe class DecodedRows : WeightMatrix
{
    private readonly BlockFormat _format;

    private DecodedRows(TensorType type, int rows, int columns, NativeBuffer packed)
        : base(type, rows, columns, packed) => _format = BlockFormat.Get(type);

    internal override ActivationForms Form => ActivationForms.Single;

    private protected override int ChunkColumns => 256;

    public static new DecodedRows Pack(TensorType type, int rows, int columns, NativeView source, ComputePool pool)
    {
        var packed = NativeBuffer.Allocate(source.Length, 4096);
        var work = new CopyWork { Source = source, Target = packed.View, Bytes = BlockFormat.Get(type).RowBytes(columns) };
        pool.Run(ref work, rows);
        return new DecodedRows(type, rows, columns, packed);
    }

    private protected override void MultiplyScalar(int panel, in Activations x, int token, float* sums)
    {
        Span<float> decoded = stackalloc float[ChunkColumns];
        for (var column = 0; column < Columns; column += ChunkColumns)
        {
            var chunk = decoded[..Math.Min(ChunkColumns, Columns - column)];
            for (var lane = 0; lane < LanesOf(panel); lane++)
            {
                Decode(panel, lane, column, chunk);
                for (var k = 0; k < chunk.Length; k++)
                    sums[lane] += chunk[k] * x.Singles[(long)token * Columns + column + k];
            }
        }
    }

    private protected override void MultiplyPacked(int panel, in Activations x, int tile, int tokens, float* sums, SimdLevel level)
    {
        var unpacked = stackalloc float[ChunkColumns * PanelRows];
        for (var column = 0; column < Columns; column += ChunkColumns)
        {
            var columns = Math.Min(ChunkColumns, Columns - column);
            Unpack(panel, column, columns, (byte*)unpacked, level);
            FloatTiles.Multiply<SingleLanes>((byte*)unpacked, columns, x, tile, column, tokens, sums);
        }
    }

    private protected override byte* Unpack(int panel, int column, int columns, byte* target, SimdLevel level)
    {
        Span<float> decoded = stackalloc float[columns];
        for (var lane = 0; lane < PanelRows; lane++)
        {
            if (lane < LanesOf(panel))
                Decode(panel, lane, column, decoded);
            else
                decoded.Clear();
            for (var k = 0; k < columns; k++)
                ((float*)target)[k * PanelRows + lane] = decoded[k];
        }
        return target;
    }

    private protected override void MultiplyUnpacked(
        byte* unpacked, in Activations x, int tile, int column, int columns, float* sums, SimdLevel level) =>
        FloatTiles.Multiply<SingleLanes>(unpacked, columns, x, tile, column, Activations.TileTokens, sums);

    private int LanesOf(int panel) => Math.Min(PanelRows, Rows - panel * PanelRows);

    private void Decode(int panel, int lane, int column, Span<float> values)
    {
        var row = ((long)panel * PanelRows + lane) * _format.RowBytes(Columns);
        // SAFETY: the buffer holds all rows; column and values.Length are whole blocks inside the row.
        var blocks = new ReadOnlySpan<byte>(Packed + row + _format.RowBytes(column), (int)_format.RowBytes(values.Length));
        BlockCodec.Decode(Type, blocks, values);
    }

    private struct CopyWork : IParallelWork
    {
        public NativeView Source;
        public NativeView Target;
        public long Bytes;

        public readonly void Execute(int begin, int end, int worker)
        {
            for (var row = begin; row < end; row++)
                Source.Slice(row * Bytes, Bytes).AsSpan<byte>().CopyTo(Target.Slice(row * Bytes, Bytes).AsSpan<byte>());
        }
    }
}
