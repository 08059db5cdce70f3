namespace Fathom.BuiltinModel.Training;

/// <summary>
/// Momentum whose update is made orthogonal: every direction of a matrix moves by the same amount, which teaches rare associations, such
/// as which name to copy, in about half the tokens that AdamW takes. For the layers' matrices. One instance per thread.
/// Source: Jordan et al. 2024 (Muon), with the scale of Liu et al. 2025 that makes one learning rate fit matrices of all shapes.
/// </summary>
internal sealed unsafe class Muon
{
    private const float Momentum = 0.95f;
    private const float Decay = 0.1f;
    private const int Iterations = 5;
    private readonly MatrixProduct _product = new(threads: 1);
    private readonly Tensor _wide, _next, _gram, _polynomial;

    public Muon(NetworkShape shape)
    {
        int large = Math.Max(shape.Hidden, shape.FeedForward), small = Math.Min(shape.Hidden, large);
        _wide = new Tensor(small, large);
        _next = new Tensor(small, large);
        _gram = new Tensor(small, small);
        _polynomial = new Tensor(small, small);
    }

    /// <summary>Updates one matrix and its momentum, and clears the gradient.</summary>
    public void Step(NetworkParameter parameter, Span<float> weights, Span<float> gradients, Span<float> momentum, float clip, double learningRate)
    {
        int rows = Math.Min(parameter.Rows, parameter.Columns), columns = Math.Max(parameter.Rows, parameter.Columns);
        MatrixView wide = new(_wide.Pointer, rows, columns, columns, 1);
        // The update as the parameter lies in memory: the wide matrix itself, or read down its columns.
        MatrixView update = parameter.Rows == rows ? wide : wide.Transposed;
        double squares = 0;
        for (int row = 0; row < parameter.Rows; row++)
        {
            for (int column = 0; column < parameter.Columns; column++)
            {
                int i = (row * parameter.Columns) + column;
                float gradient = gradients[i] * clip;
                momentum[i] = (Momentum * momentum[i]) + gradient;
                float value = gradient + (Momentum * momentum[i]);
                update.Pointer[(row * update.RowStride) + (column * update.ColumnStride)] = value;
                squares += (double)value * value;
            }
        }

        float inverse = (float)(1.0 / (Math.Sqrt(squares) + 1e-12));
        for (int i = 0; i < parameter.Count; i++)
            wide.Pointer[i] *= inverse;
        Orthogonalise(wide);

        float rate = (float)(learningRate * 0.2 * Math.Sqrt(columns)), shrink = (float)(1 - (learningRate * Decay));
        for (int row = 0; row < parameter.Rows; row++)
        {
            for (int column = 0; column < parameter.Columns; column++)
            {
                int i = (row * parameter.Columns) + column;
                weights[i] = (weights[i] * shrink) - (rate * update.Pointer[(row * update.RowStride) + (column * update.ColumnStride)]);
            }
        }

        gradients.Clear();
    }

    /// <summary>Newton-Schulz: X := aX + (b·XXᵀ + c·(XXᵀ)²)X, which drives all singular values towards 1, in place.</summary>
    internal void Orthogonalise(MatrixView x)
    {
        // SAFETY: the buffers hold the largest matrix of the network, and the views below have the sizes of x.
        MatrixView gram = new(_gram.Pointer, x.Rows, x.Rows, x.Rows, 1), polynomial = new(_polynomial.Pointer, x.Rows, x.Rows, x.Rows, 1);
        MatrixView next = new(_next.Pointer, x.Rows, x.Columns, x.Columns, 1);
        int squareCount = x.Rows * x.Rows, count = x.Rows * x.Columns;
        for (int iteration = 0; iteration < Iterations; iteration++)
        {
            _product.Multiply(x, x.Transposed, gram);
            _product.Multiply(gram, gram, polynomial);
            for (int i = 0; i < squareCount; i++)
                polynomial.Pointer[i] = (-4.7750f * gram.Pointer[i]) + (2.0315f * polynomial.Pointer[i]);
            _product.Multiply(polynomial, x, next);
            for (int i = 0; i < count; i++)
                x.Pointer[i] = (3.4445f * x.Pointer[i]) + next.Pointer[i];
        }
    }
}
