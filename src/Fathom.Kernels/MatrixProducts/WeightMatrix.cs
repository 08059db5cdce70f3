using Fathom.Kernels.Formats;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>A weight matrix W [rows = outputs, columns = inputs], repacked for multiplication; y = x·Wᵀ.</summary>
/// <remarks>Whoever packs it owns it. Immutable, so any number of threads may multiply with it until it is disposed.</remarks>
public abstract unsafe class WeightMatrix : IDisposable
{
    /// <summary>Rows of a panel: one SIMD lane each.</summary>
    internal const int PanelRows = 16;

    private protected WeightMatrix(TensorType type, int rows, int columns)
    {
        Type = type;
        Rows = rows;
        Columns = columns;
    }

    /// <summary>The type the values came in.</summary>
    public TensorType Type { get; }

    /// <summary>Outputs.</summary>
    public int Rows { get; }

    /// <summary>Inputs.</summary>
    public int Columns { get; }

    /// <summary>Bytes of native memory held.</summary>
    public abstract long Bytes { get; }

    /// <summary>Copies a matrix into the layout that multiplies fastest on this machine.</summary>
    /// <param name="type">Type of the source's blocks.</param>
    /// <param name="rows">Outputs, at least 1.</param>
    /// <param name="columns">Inputs, at least 1; a whole number of the type's blocks.</param>
    /// <param name="source">Exactly rows x columns values, row-major, as a GGUF file stores them; not needed afterwards.</param>
    /// <param name="pool">Shares the copying.</param>
    /// <exception cref="ArgumentException">The shape does not fit the type or the source.</exception>
    public static WeightMatrix Pack(TensorType type, int rows, int columns, NativeView source, ComputePool pool)
    {
        ArgumentNullException.ThrowIfNull(pool);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        var bytes = checked(BlockFormat.Get(type).RowBytes(columns) * rows);
        if (source.Length != bytes)
            throw new ArgumentException($"{rows} x {columns} values of {type} take {bytes} bytes, not {source.Length}.", nameof(source));
        return FloatPanels.Pack(type, rows, columns, source, pool);
    }

    internal int Panels => (Rows + PanelRows - 1) / PanelRows;

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    internal abstract void MultiplyPanels(int panelBegin, int panelEnd, float* x, int m, float* y);

    /// <summary>Frees the memory when <paramref name="disposing"/>.</summary>
    protected abstract void Dispose(bool disposing);
}
