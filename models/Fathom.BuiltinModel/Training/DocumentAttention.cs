using System.Runtime.Intrinsics;

namespace Fathom.BuiltinModel.Training;

/// <summary>
/// Causal grouped-query attention inside one document, with its gradient. One call does one key/value head and the query heads that share
/// it, so that everything it writes is its own.
/// </summary>
/// <remarks>
/// Operands are copied to buffers padded to whole tiles. Probabilities are computed again for the gradient instead of being kept.
/// One instance per thread; not thread-safe.
/// </remarks>
internal sealed unsafe class DocumentAttention
{
    // Divisible by both tile heights, 12 and 6; document lengths are padded to 96, divisible by both tile widths as well.
    private const int QueryBlock = 48;
    private const int LengthUnit = 96;
    private const int Lanes = 16;

    private readonly NetworkShape _shape;
    private readonly int _lengthMax;
    private readonly int _width;
    private readonly Tensor _keys, _keysT, _values, _valuesT, _query, _dQueryOutput, _scores, _dScores, _output, _dKeys, _dValues;

    public DocumentAttention(NetworkShape shape)
    {
        _shape = shape;
        _lengthMax = Pad(shape.Context);
        _width = (shape.HeadSize + MatrixTile.Columns - 1) / MatrixTile.Columns * MatrixTile.Columns;
        _keys = new Tensor(_lengthMax, _width);
        _keysT = new Tensor(shape.HeadSize, _lengthMax);
        _values = new Tensor(_lengthMax, _width);
        _valuesT = new Tensor(shape.HeadSize, _lengthMax);
        _query = new Tensor(QueryBlock, _width);
        _dQueryOutput = new Tensor(QueryBlock, _width);
        _scores = new Tensor(QueryBlock, _lengthMax);
        _dScores = new Tensor(QueryBlock, _lengthMax);
        _output = new Tensor(QueryBlock, _width);
        _dKeys = new Tensor(_lengthMax, _width);
        _dValues = new Tensor(_lengthMax, _width);
    }

    /// <summary>Writes the outputs [length, heads of this group] of one document and one key/value head.</summary>
    public void Forward(MatrixView qkv, int start, int length, int kvHead, MatrixView output)
    {
        int size = _shape.HeadSize, group = _shape.Heads / _shape.KvHeads;
        LoadKeysAndValues(qkv, start, length, kvHead, forGradient: false);
        for (int head = kvHead * group; head < (kvHead + 1) * group; head++)
        {
            for (int q0 = 0; q0 < length; q0 += QueryBlock)
            {
                int rows = Math.Min(QueryBlock, length - q0);
                int reach = Reach(q0);
                Probabilities(qkv, start, head, q0, rows, reach);
                Product(QueryBlock, _width, q0 + QueryBlock, _scores.Pointer, reach, 1, _values.Pointer, _width, _output.Pointer, _width, false);
                Store(_output.Pointer, output.Pointer + ((start + q0) * output.RowStride) + (head * size), output.RowStride, rows, 1f);
            }
        }
    }

    /// <summary>Writes the gradients of queries, keys and values into <paramref name="dQkv"/> (same layout as qkv).</summary>
    public void Backward(MatrixView qkv, int start, int length, int kvHead, MatrixView dOutput, MatrixView dQkv)
    {
        int size = _shape.HeadSize, group = _shape.Heads / _shape.KvHeads;
        LoadKeysAndValues(qkv, start, length, kvHead, forGradient: true);
        int padded = Pad(length);
        _dKeys.Span[..(padded * _width)].Clear();
        _dValues.Span[..(padded * _width)].Clear();
        float scale = 1f / MathF.Sqrt(size);
        for (int head = kvHead * group; head < (kvHead + 1) * group; head++)
        {
            for (int q0 = 0; q0 < length; q0 += QueryBlock)
            {
                int rows = Math.Min(QueryBlock, length - q0);
                int reach = Reach(q0);
                int keys = q0 + QueryBlock;
                Probabilities(qkv, start, head, q0, rows, reach);
                Load(dOutput.Pointer + ((start + q0) * dOutput.RowStride) + (head * size), dOutput.RowStride, _dQueryOutput.Pointer, rows, QueryBlock, 1f);
                Product(QueryBlock, reach, size, _dQueryOutput.Pointer, _width, 1, _valuesT.Pointer, _lengthMax, _dScores.Pointer, reach, false);
                Product(keys, _width, QueryBlock, _scores.Pointer, 1, reach, _dQueryOutput.Pointer, _width, _dValues.Pointer, _width, true);
                ScoreGradient(rows, reach);
                Product(QueryBlock, _width, keys, _dScores.Pointer, reach, 1, _keys.Pointer, _width, _output.Pointer, _width, false);
                Store(_output.Pointer, dQkv.Pointer + ((start + q0) * dQkv.RowStride) + (head * size), dQkv.RowStride, rows, scale);
                Product(keys, _width, QueryBlock, _dScores.Pointer, 1, reach, _query.Pointer, _width, _dKeys.Pointer, _width, true);
            }
        }

        float* target = dQkv.Pointer + (start * dQkv.RowStride) + _shape.Hidden + (kvHead * size);
        Store(_dKeys.Pointer, target, dQkv.RowStride, length, 1f);
        Store(_dValues.Pointer, target + _shape.KvWidth, dQkv.RowStride, length, 1f);
    }

    /// <summary>Loads one block of queries, already scaled by 1/sqrt(headSize), and leaves their probabilities over all keys in _scores.</summary>
    private void Probabilities(MatrixView qkv, int start, int head, int q0, int rows, int reach)
    {
        int size = _shape.HeadSize;
        Load(qkv.Pointer + ((start + q0) * qkv.RowStride) + (head * size), qkv.RowStride, _query.Pointer, rows, QueryBlock, 1f / MathF.Sqrt(size));
        Product(QueryBlock, reach, size, _query.Pointer, _width, 1, _keysT.Pointer, _lengthMax, _scores.Pointer, reach, false);
        for (int i = 0; i < QueryBlock; i++)
        {
            // Rows past the document and keys past the query's own place end as zeros, so the products need no mask.
            float* row = _scores.Pointer + ((long)i * reach);
            int visible = i < rows ? q0 + i + 1 : 0;
            int whole = (visible + Lanes - 1) / Lanes * Lanes;
            new Span<float>(row + visible, whole - visible).Fill(float.NegativeInfinity);
            new Span<float>(row + whole, reach - whole).Clear();
            if (visible > 0)
                Softmax(row, whole);
        }
    }

    private static void Softmax(float* row, int count)
    {
        Vector512<float> tops = Vector512.Load(row);
        for (int j = Lanes; j < count; j += Lanes)
            tops = Vector512.Max(tops, Vector512.Load(row + j));
        Vector256<float> half = Vector256.Max(tops.GetLower(), tops.GetUpper());
        Vector128<float> quarter = Vector128.Max(half.GetLower(), half.GetUpper());
        Vector512<float> max = Vector512.Create(MathF.Max(MathF.Max(quarter[0], quarter[1]), MathF.Max(quarter[2], quarter[3])));

        Vector512<float> sums = Vector512<float>.Zero;
        for (int j = 0; j < count; j += Lanes)
        {
            Vector512<float> e = Vector512.Exp(Vector512.Load(row + j) - max);
            sums += e;
            e.Store(row + j);
        }

        Vector512<float> inverse = Vector512.Create(1f / Vector512.Sum(sums));
        for (int j = 0; j < count; j += Lanes)
            (Vector512.Load(row + j) * inverse).Store(row + j);
    }

    /// <summary>dScores = p·(dp - Σ p·dp), row by row.</summary>
    private void ScoreGradient(int rows, int reach)
    {
        for (int i = 0; i < QueryBlock; i++)
        {
            float* p = _scores.Pointer + ((long)i * reach);
            float* dp = _dScores.Pointer + ((long)i * reach);
            if (i >= rows)
            {
                new Span<float>(dp, reach).Clear();
                continue;
            }

            Vector512<float> dots = Vector512<float>.Zero;
            for (int j = 0; j < reach; j += Lanes)
                dots = Vector512.FusedMultiplyAdd(Vector512.Load(p + j), Vector512.Load(dp + j), dots);
            Vector512<float> mean = Vector512.Create(Vector512.Sum(dots));
            for (int j = 0; j < reach; j += Lanes)
                (Vector512.Load(p + j) * (Vector512.Load(dp + j) - mean)).Store(dp + j);
        }
    }

    private void LoadKeysAndValues(MatrixView qkv, int start, int length, int kvHead, bool forGradient)
    {
        int padded = Pad(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(padded, _lengthMax);
        float* keys = qkv.Pointer + (start * qkv.RowStride) + _shape.Hidden + (kvHead * _shape.HeadSize);
        float* values = keys + _shape.KvWidth;
        LoadTransposed(keys, qkv.RowStride, _keysT.Pointer, length, padded);
        Load(values, qkv.RowStride, _values.Pointer, length, padded, 1f);
        if (!forGradient)
            return;
        Load(keys, qkv.RowStride, _keys.Pointer, length, padded, 1f);
        LoadTransposed(values, qkv.RowStride, _valuesT.Pointer, length, padded);
    }

    private void Load(float* source, nint sourceStride, float* target, int rows, int rowsPadded, float scale)
    {
        // SAFETY: target holds rowsPadded x _width values, source rows x headSize values at its stride.
        int size = _shape.HeadSize;
        new Span<float>(target, rowsPadded * _width).Clear();
        for (int i = 0; i < rows; i++)
        {
            for (int d = 0; d < size; d++)
                target[(i * _width) + d] = source[(i * sourceStride) + d] * scale;
        }
    }

    private void LoadTransposed(float* source, nint sourceStride, float* target, int rows, int rowsPadded)
    {
        // SAFETY: target holds headSize rows of _lengthMax values and rowsPadded does not exceed that.
        for (int d = 0; d < _shape.HeadSize; d++)
        {
            float* line = target + ((long)d * _lengthMax);
            for (int i = 0; i < rows; i++)
                line[i] = source[(i * sourceStride) + d];
            new Span<float>(line + rows, rowsPadded - rows).Clear();
        }
    }

    private void Store(float* source, float* target, nint targetStride, int rows, float scale)
    {
        int size = _shape.HeadSize;
        for (int i = 0; i < rows; i++)
        {
            for (int d = 0; d < size; d++)
                target[(i * targetStride) + d] = source[(i * _width) + d] * scale;
        }
    }

    /// <summary>C (+)= A·B over whole tiles; rows and columns are multiples of the tile's.</summary>
    private static void Product(
        int rows, int columns, int depth, float* a, nint aRowStride, nint aColumnStride, float* b, nint bStride, float* c, nint cStride, bool accumulate)
    {
        for (int j = 0; j < columns; j += MatrixTile.Columns)
        {
            for (int i = 0; i < rows; i += MatrixTile.Rows)
                MatrixTile.Multiply(depth, a + (i * aRowStride), aRowStride, aColumnStride, b + j, bStride, c + (i * cStride) + j, cStride, accumulate);
        }
    }

    private static int Pad(int length) => (length + LengthUnit - 1) / LengthUnit * LengthUnit;

    /// <summary>Keys that a block of queries can see, up to whole tiles.</summary>
    private static int Reach(int q0) => (q0 + QueryBlock + MatrixTile.Columns - 1) / MatrixTile.Columns * MatrixTile.Columns;
}
