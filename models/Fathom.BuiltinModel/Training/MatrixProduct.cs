namespace Fathom.BuiltinModel.Training;

/// <summary>General f32 matrix product for training: C (+)= A·B with A and B in any layout, which gives all three products of a layer.</summary>
/// <remarks>
/// Every element of C is summed over k in blocks of a fixed size, in order, by one thread: the result does not depend on the number of
/// threads. Not re-entrant: one product runs at a time.
/// </remarks>
internal sealed unsafe class MatrixProduct(int threads)
{
    private const int BlockK = 256;
    private const int ChunkRowsMax = 96;

    // Grown to the largest product seen; holds one k-block of B in panels [panel][k][MatrixTile.Columns].
    private Tensor _packedB = new(0, 0);

    [ThreadStatic]
    private static Tensor? s_packedA;

    private readonly ParallelOptions _parallel = new() { MaxDegreeOfParallelism = threads };

    public int Threads { get; } = threads;

    /// <summary>C = A·B, or C += A·B when <paramref name="accumulate"/>.</summary>
    /// <param name="a">[M, K], any strides.</param>
    /// <param name="b">[K, N], any strides.</param>
    /// <param name="c">[M, N] with contiguous rows; must not overlap A or B.</param>
    /// <param name="accumulate">Adds to what C holds.</param>
    public void Multiply(MatrixView a, MatrixView b, MatrixView c, bool accumulate = false)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(a.Columns, b.Rows);
        ArgumentOutOfRangeException.ThrowIfNotEqual(c.Rows, a.Rows);
        ArgumentOutOfRangeException.ThrowIfNotEqual(c.Columns, b.Columns);
        ArgumentOutOfRangeException.ThrowIfNotEqual(c.ColumnStride, 1);

        int panels = (b.Columns + MatrixTile.Columns - 1) / MatrixTile.Columns;
        int packedCount = panels * MatrixTile.Columns * BlockK;
        if (_packedB.Count < packedCount)
            _packedB = new Tensor(1, packedCount);

        // Small enough chunks to share out evenly; the choice moves no sum.
        int wanted = a.Rows / (Threads * 8);
        int chunkRows = Math.Clamp((wanted + MatrixTile.Rows - 1) / MatrixTile.Rows * MatrixTile.Rows, MatrixTile.Rows, ChunkRowsMax);
        int chunks = (a.Rows + chunkRows - 1) / chunkRows;

        for (int k0 = 0; k0 < a.Columns; k0 += BlockK)
        {
            int depth = Math.Min(BlockK, a.Columns - k0);
            MatrixView aBlock = a.Block(0, a.Rows, k0, depth);
            MatrixView bBlock = b.Block(k0, depth, 0, b.Columns);
            bool add = accumulate || k0 > 0;
            float* packedB = _packedB.Pointer;
            Parallel.For(0, panels, _parallel, panel => PackB(bBlock, panel, packedB));
            Parallel.For(0, chunks, _parallel, chunk =>
                MultiplyChunk(aBlock, chunk * chunkRows, Math.Min(chunkRows, aBlock.Rows - (chunk * chunkRows)), packedB, c, add));
        }
    }

    private static void PackB(MatrixView b, int panel, float* packed)
    {
        // SAFETY: panel and row indices are inside the packed buffer sized by Multiply; reads stay inside b's rows and columns.
        int width = MatrixTile.Columns;
        int column0 = panel * width;
        int columns = Math.Min(width, b.Columns - column0);
        float* target = packed + ((long)panel * width * b.Rows);
        for (int k = 0; k < b.Rows; k++)
        {
            float* source = b.Pointer + (k * b.RowStride) + (column0 * b.ColumnStride);
            float* row = target + (k * width);
            if (b.ColumnStride == 1)
            {
                new ReadOnlySpan<float>(source, columns).CopyTo(new Span<float>(row, columns));
            }
            else
            {
                for (int j = 0; j < columns; j++)
                    row[j] = source[j * b.ColumnStride];
            }

            if (columns < width)
                new Span<float>(row + columns, width - columns).Clear();
        }
    }

    private static void PackA(MatrixView a, int row0, int rows, float* packed)
    {
        // SAFETY: packed holds MatrixTile.Rows x k values; reads stay inside a's rows and columns.
        int height = MatrixTile.Rows;
        float* source = a.Pointer + (row0 * a.RowStride);
        if (rows < height)
            new Span<float>(packed, height * a.Columns).Clear();
        if (a.ColumnStride == 1)
        {
            for (int i = 0; i < rows; i++)
            {
                float* line = source + (i * a.RowStride);
                for (int k = 0; k < a.Columns; k++)
                    packed[(k * height) + i] = line[k];
            }

            return;
        }

        for (int k = 0; k < a.Columns; k++)
        {
            float* column = source + (k * a.ColumnStride);
            for (int i = 0; i < rows; i++)
                packed[(k * height) + i] = column[i * a.RowStride];
        }
    }

    private static void MultiplyChunk(MatrixView a, int row0, int rows, float* packedB, MatrixView c, bool accumulate)
    {
        int height = MatrixTile.Rows, width = MatrixTile.Columns, depth = a.Columns;
        int strips = (rows + height - 1) / height;
        Tensor scratch = s_packedA ??= new Tensor(ChunkRowsMax + MatrixTile.Rows, BlockK);
        float* packedA = scratch.Pointer;
        for (int strip = 0; strip < strips; strip++)
            PackA(a, row0 + (strip * height), Math.Min(height, rows - (strip * height)), packedA + (strip * height * depth));

        // SAFETY: whole tiles are written straight into C; a tile on the edge goes through a scratch tile of full size.
        float* edge = stackalloc float[height * width];
        int panels = (c.Columns + width - 1) / width;
        for (int panel = 0; panel < panels; panel++)
        {
            int columns = Math.Min(width, c.Columns - (panel * width));
            float* b = packedB + ((long)panel * width * depth);
            for (int strip = 0; strip < strips; strip++)
            {
                int stripRows = Math.Min(height, rows - (strip * height));
                float* target = c.Pointer + ((row0 + (strip * height)) * c.RowStride) + (panel * width);
                float* aStrip = packedA + (strip * height * depth);
                if (stripRows == height && columns == width)
                {
                    MatrixTile.Multiply(depth, aStrip, 1, height, b, width, target, c.RowStride, accumulate);
                    continue;
                }

                if (accumulate)
                    CopyTile(target, c.RowStride, edge, width, stripRows, columns);
                MatrixTile.Multiply(depth, aStrip, 1, height, b, width, edge, width, accumulate);
                CopyTile(edge, width, target, c.RowStride, stripRows, columns);
            }
        }
    }

    private static void CopyTile(float* source, nint sourceStride, float* target, nint targetStride, int rows, int columns)
    {
        // SAFETY: both sides hold rows x columns values at their strides.
        for (int i = 0; i < rows; i++)
            new ReadOnlySpan<float>(source + (i * sourceStride), columns).CopyTo(new Span<float>(target + (i * targetStride), columns));
    }
}
