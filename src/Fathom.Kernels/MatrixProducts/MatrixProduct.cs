using Fathom.Kernels.Parallelism;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>y[t,o] = sum_i x[t,i]·W[o,i].</summary>
/// <remarks>
/// Each output is summed over i in one fixed order on every path, so a row of y depends on its own row of x only: not on
/// the other rows, on m, or on the number of threads. It may differ between instruction sets.
/// </remarks>
public static unsafe class MatrixProduct
{
    /// <summary>Multiplies with one matrix.</summary>
    /// <param name="pool">Shares the outputs among its workers.</param>
    /// <param name="w">Weights [rows, columns].</param>
    /// <param name="x">Activations [m, columns], row-major.</param>
    /// <param name="y">Results [m, rows], row-major; must not overlap x.</param>
    /// <param name="m">Rows of activations; 0 does nothing.</param>
    /// <param name="workspace">Scratch memory, not in use elsewhere.</param>
    /// <exception cref="ArgumentException">A span's length is not what the shapes ask for.</exception>
    /// <remarks>Allocates nothing once the workspace has grown.</remarks>
    public static void Multiply(
        ComputePool pool, WeightMatrix w, ReadOnlySpan<float> x, Span<float> y, int m, MatrixWorkspace workspace) =>
        Multiply(pool, w, null, null, x, y, default, default, m, workspace);

    /// <summary>Multiplies the same x with two matrices; x is quantised once and the work is dispatched once.</summary>
    /// <inheritdoc cref="Multiply(ComputePool, WeightMatrix, ReadOnlySpan{float}, Span{float}, int, MatrixWorkspace)"/>
    public static void Multiply(
        ComputePool pool, WeightMatrix w0, WeightMatrix w1, ReadOnlySpan<float> x, Span<float> y0, Span<float> y1, int m,
        MatrixWorkspace workspace) =>
        Multiply(pool, w0, w1, null, x, y0, y1, default, m, workspace);

    /// <summary>Multiplies the same x with up to three matrices; x is quantised once and the work is dispatched once.</summary>
    /// <param name="pool">Shares the outputs among its workers.</param>
    /// <param name="w0">First weights.</param>
    /// <param name="w1">Second weights, or null; all have the same columns.</param>
    /// <param name="w2">Third weights, or null.</param>
    /// <param name="x">Activations [m, columns], row-major.</param>
    /// <param name="y0">Results [m, rows of w0].</param>
    /// <param name="y1">Results [m, rows of w1]; empty when that is null.</param>
    /// <param name="y2">Results [m, rows of w2]; empty when that is null.</param>
    /// <param name="m">Rows of activations; 0 does nothing.</param>
    /// <param name="workspace">Scratch memory, not in use elsewhere.</param>
    /// <exception cref="ArgumentException">A span's length is not what the shapes ask for.</exception>
    public static void Multiply(
        ComputePool pool, WeightMatrix w0, WeightMatrix? w1, WeightMatrix? w2, ReadOnlySpan<float> x, Span<float> y0,
        Span<float> y1, Span<float> y2, int m, MatrixWorkspace workspace)
    {
        ArgumentNullException.ThrowIfNull(pool);
        ArgumentNullException.ThrowIfNull(w0);
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentOutOfRangeException.ThrowIfNegative(m);
        CheckShape(w0, w0, x, y0, m);
        CheckShape(w0, w1, x, y1, m);
        CheckShape(w0, w2, x, y2, m);
        if (m == 0)
            return;
        // SAFETY: CheckShape holds the lengths; the spans are pinned until Run returns.
        fixed (float* px = x, py0 = y0, py1 = y1, py2 = y2)
        {
            Multiply(pool, w0, px, py0, m);
            if (w1 is not null)
                Multiply(pool, w1, px, py1, m);
            if (w2 is not null)
                Multiply(pool, w2, px, py2, m);
        }
    }

    private static void Multiply(ComputePool pool, WeightMatrix w, float* x, float* y, int m)
    {
        var work = new ProductWork { Weights = w, X = x, Y = y, M = m };
        pool.Run(ref work, w.Panels);
    }

    private static void CheckShape(WeightMatrix first, WeightMatrix? w, ReadOnlySpan<float> x, Span<float> y, int m)
    {
        if (w is null)
            return;
        if (w.Columns != first.Columns)
            throw new ArgumentException($"Matrices that share x have {first.Columns} and {w.Columns} columns.", nameof(w));
        if (x.Length != (long)m * w.Columns)
            throw new ArgumentException($"x holds {x.Length} values, not {m} x {w.Columns}.", nameof(x));
        if (y.Length != (long)m * w.Rows)
            throw new ArgumentException($"y holds {y.Length} values, not {m} x {w.Rows}.", nameof(y));
    }

    private struct ProductWork : IParallelWork
    {
        public WeightMatrix Weights;
        public float* X;
        public float* Y;
        public int M;

        public readonly void Execute(int begin, int end, int worker) => Weights.MultiplyPanels(begin, end, X, M, Y);
    }
}
