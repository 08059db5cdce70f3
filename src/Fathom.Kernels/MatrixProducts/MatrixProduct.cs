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
            var work = new ProductWork { W0 = w0, W1 = w1, W2 = w2, Y0 = py0, Y1 = py1, Y2 = py2, Level = workspace.Level };
            var level = workspace.FormsOf ?? workspace.Level;
            var forms = w0.FormAt(level) | (w1?.FormAt(level) ?? 0) | (w2?.FormAt(level) ?? 0);
            work.X = Prepare(pool, forms, level, px, m, w0.Columns, workspace);
            work.BlockTokens = BlockTokens(w0.Columns * ((forms & ActivationForms.Wide32) != 0 || forms == 0 ? sizeof(short) : sizeof(sbyte)), m);
            work.Scratch = workspace.Scratch(pool.Threads);
            pool.Run(ref work, checked(work.Steps * ((m + work.BlockTokens - 1) / work.BlockTokens)));
        }
    }

    private static Activations Prepare(ComputePool pool, ActivationForms forms, SimdLevel level, float* x, int m, int columns, MatrixWorkspace workspace)
    {
        var activations = new Activations { Singles = x, Tokens = m, Columns = columns, Level = level };
        var bytes = activations.Layout(null, forms);
        if (bytes == 0)
            return activations;
        activations.Layout(workspace.Activations(bytes), forms);
        var quantiser = new ActivationQuantiser { X = activations, Forms = forms };
        if (activations.Tiles == 1)
            quantiser.Execute(0, 1, 0); // shorter than a dispatch
        else
            pool.Run(ref quantiser, activations.Tiles);
        return activations;
    }

    /// <summary>Tokens of one block of work: their activations are read again for every panel, so they should stay in L2.</summary>
    private static int BlockTokens(int tokenBytes, int m)
    {
        const int activationBytes = 384 << 10;
        var fit = activationBytes / tokenBytes & ~(Activations.TileTokens - 1);
        return Math.Min(m, Math.Clamp(fit, 32, WeightMatrix.BlockTokensMax));
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

    /// <summary>Items: for each block of tokens, steps of one or two panels through all matrices.</summary>
    private struct ProductWork : IParallelWork
    {
        public WeightMatrix W0;
        public WeightMatrix? W1;
        public WeightMatrix? W2;
        public float* Y0;
        public float* Y1;
        public float* Y2;
        public Activations X;
        public int BlockTokens;
        public byte* Scratch;
        public SimdLevel Level;

        public readonly int Steps => StepsOf(W0) + StepsOf(W1) + StepsOf(W2);

        public readonly void Execute(int begin, int end, int worker)
        {
            var steps0 = StepsOf(W0);
            var steps1 = steps0 + StepsOf(W1);
            var steps = Steps;
            var scratch = Scratch + (long)worker * WeightMatrix.ScratchBytes;
            for (var item = begin; item < end; item++)
            {
                var (block, step) = Math.DivRem(item, steps);
                if (step < steps0)
                    Multiply(W0, step, block, Y0, scratch);
                else if (step < steps1)
                    Multiply(W1!, step - steps0, block, Y1, scratch);
                else
                    Multiply(W2!, step - steps1, block, Y2, scratch);
            }
        }

        private readonly int StepsOf(WeightMatrix? w)
        {
            if (w is null)
                return 0;
            var panels = WeightMatrix.StepPanels(Level, X.Tokens);
            return (w.Panels + panels - 1) / panels;
        }

        private readonly void Multiply(WeightMatrix w, int step, int block, float* y, byte* scratch)
        {
            var stepPanels = WeightMatrix.StepPanels(Level, X.Tokens);
            var (panel, token) = (step * stepPanels, block * BlockTokens);
            var tokens = Math.Min(BlockTokens, X.Tokens - token);
            w.MultiplyPanels(panel, Math.Min(stepPanels, w.Panels - panel), X, token, tokens, y, scratch, Level);
        }
    }
}
