using Fathom.Kernels.Formats;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;
using Fathom.Models.Gguf;

namespace Fathom.Models.Quantization;

/// <summary>Decodes groups of rows, encodes them in another type and writes them to their place in the file.</summary>
internal struct RowConversion : IParallelWork
{
    private const int ValuesPerItem = 1 << 16;

    private readonly int _columns;
    private readonly int _rowsPerItem;
    private readonly TensorType _from;
    private readonly TensorType _to;
    private readonly long _fromRowBytes;
    private readonly long _toRowBytes;
    private readonly float[][] _values;
    private readonly byte[][] _encoded;

    public RowConversion(int workers, int columns, TensorType from, TensorType to)
    {
        _columns = columns;
        _from = from;
        _to = to;
        _fromRowBytes = BlockFormat.Get(from).RowBytes(columns);
        _toRowBytes = BlockFormat.Get(to).RowBytes(columns);
        _rowsPerItem = Math.Max(1, ValuesPerItem / columns);
        _values = new float[workers][];
        _encoded = new byte[workers][];
    }

    public required GgufWriter Writer { get; init; }

    public required int Tensor { get; init; }

    public required int Rows { get; init; }

    public required NativeView Data { get; init; }

    public readonly int Items => (Rows + _rowsPerItem - 1) / _rowsPerItem;

    public readonly void Execute(int begin, int end, int worker)
    {
        float[] values = _values[worker] ??= new float[_rowsPerItem * _columns];
        byte[] encoded = _encoded[worker] ??= new byte[_rowsPerItem * _toRowBytes];
        for (int item = begin; item < end; item++)
        {
            int first = item * _rowsPerItem;
            int rows = Math.Min(_rowsPerItem, Rows - first);
            Span<float> x = values.AsSpan(0, rows * _columns);
            Span<byte> y = encoded.AsSpan(0, (int)(rows * _toRowBytes));
            BlockCodec.Decode(_from, Data.Slice(first * _fromRowBytes, rows * _fromRowBytes).AsSpan<byte>(), x);
            BlockCodec.Encode(_to, x, y);
            Writer.Write(Tensor, first * _toRowBytes, y);
        }
    }
}
