using Fathom.Kernels.Formats;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Weights as singles: panels of 16 rows, inside a panel [columns, 16]; missing rows of the last panel are zero.</summary>
internal sealed unsafe class FloatPanels : WeightMatrix
{
    private readonly NativeBuffer _panels;

    private FloatPanels(TensorType type, int rows, int columns, NativeBuffer panels)
        : base(type, rows, columns) => _panels = panels;

    public override long Bytes => _panels.Length;

    internal static new FloatPanels Pack(TensorType type, int rows, int columns, NativeView source, ComputePool pool)
    {
        var panels = (rows + PanelRows - 1) / PanelRows;
        var buffer = NativeBuffer.Allocate(checked((long)panels * PanelRows * columns * sizeof(float)), 4096);
        var work = new PackWork(type, rows, columns, source, (float*)buffer.Pointer);
        pool.Run(ref work, panels);
        return new FloatPanels(type, rows, columns, buffer);
    }

    internal override void MultiplyPanels(int panelBegin, int panelEnd, float* x, int m, float* y)
    {
        for (var panel = panelBegin; panel < panelEnd; panel++)
        {
            var w = (float*)_panels.Pointer + (long)panel * PanelRows * Columns;
            var lanes = Math.Min(PanelRows, Rows - panel * PanelRows);
            for (var row = 0; row < m; row++)
                FloatTiles.Multiply(w, x + (long)row * Columns, Columns, y + (long)row * Rows + panel * PanelRows, lanes);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _panels.Dispose();
    }

    private readonly struct PackWork(TensorType type, int rows, int columns, NativeView source, float* panels) : IParallelWork
    {
        public void Execute(int begin, int end, int worker)
        {
            var rowBytes = BlockFormat.Get(type).RowBytes(columns);
            using var row = NativeBuffer.Allocate((long)columns * sizeof(float));
            var values = row.AsSpan<float>(0, columns);
            for (var panel = begin; panel < end; panel++)
            {
                // SAFETY: the buffer holds all panels of 16 x columns floats; panel and lane are inside.
                var target = panels + (long)panel * PanelRows * columns;
                for (var lane = 0; lane < PanelRows && panel * PanelRows + lane < rows; lane++)
                {
                    BlockCodec.Decode(type, source.Slice((panel * (long)PanelRows + lane) * rowBytes, rowBytes).AsSpan<byte>(), values);
                    for (var k = 0; k < columns; k++)
                        target[(long)k * PanelRows + lane] = values[k];
                }
            }
        }
    }
}
