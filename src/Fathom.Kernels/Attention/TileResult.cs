namespace Fathom.Kernels.Attention;

/// <summary>Attention of a tile's rows over some positions, not yet divided by the sum of the weights.</summary>
internal readonly unsafe struct TileResult
{
    private readonly int _rows;
    private readonly int _stride;

    public TileResult(float* memory, int rows, in KvLayout layout)
    {
        // SAFETY: the caller gives Floats(rows, layout) floats.
        _rows = rows;
        _stride = layout.ValueStride;
        Outputs = memory;
        Max = memory + rows * _stride;
        Sum = Max + rows;
    }

    /// <summary>Σ weight · value, [rows][valueStride].</summary>
    public float* Outputs { get; }

    /// <summary>Largest score of each row, -∞ where it saw nothing.</summary>
    public float* Max { get; }

    /// <summary>Sum of each row's weights e^(score - max).</summary>
    public float* Sum { get; }

    /// <summary>Floats of memory behind a result.</summary>
    public static int Floats(int rows, in KvLayout layout) => (rows * (layout.ValueStride + 2) + 15) & ~15;

    public void ClearOutputs() => new Span<float>(Outputs, _rows * _stride).Clear();

    /// <summary>Takes in the result of later positions: both are brought to the larger maximum and added.</summary>
    public void Merge<TArithmetic>(in TileResult later)
        where TArithmetic : struct, IAttentionArithmetic
    {
        for (var r = 0; r < _rows; r++)
        {
            if (float.IsNegativeInfinity(later.Max[r]))
                continue;
            var max = MathF.Max(Max[r], later.Max[r]);
            // A row that saw nothing so far has e^-∞ = 0 and outputs of 0.
            var mine = MathF.Exp(Max[r] - max);
            var theirs = MathF.Exp(later.Max[r] - max);
            Max[r] = max;
            Sum[r] = Sum[r] * mine + later.Sum[r] * theirs;
            TArithmetic.Combine(Outputs + r * _stride, mine, later.Outputs + r * _stride, theirs, _stride);
        }
    }
}
