namespace Fathom.Kernels.Attention;

/// <summary>What attention computes over one block or row: on vectors of some width, or the scalar twin.</summary>
internal unsafe interface IAttentionArithmetic
{
    /// <summary>Whether stored halves are read times 2^-112, so that queries and weights carry 2^56 each.</summary>
    static abstract bool ReadsHalvesLowered { get; }

    /// <summary>scores[r][t] = Σ_d queries[r][d] · keys[d][t] for the 16 tokens of a tile.</summary>
    /// <param name="layout">What lies where in the tile.</param>
    /// <param name="tile">Keys and values.</param>
    /// <param name="ahead">Keys or values that are needed soon: memory is asked for them.</param>
    /// <param name="queries">[rows][headDim].</param>
    /// <param name="rows">Query rows.</param>
    /// <param name="scores">[rows][<see cref="AttentionPlan.ScoreStride"/>], from the tile's first token on.</param>
    /// <param name="scratch">Room for the tile's keys as singles.</param>
    static abstract void Score(in KvLayout layout, byte* tile, byte* ahead, float* queries, int rows, float* scores, float* scratch);

    /// <summary>Scores of one row to weights: see <see cref="PieceSoftmax.Apply"/>.</summary>
    static abstract PieceSoftmax.Result Weigh(
        float* scores, int begin, int end, int low, int high, float factor, float cap, int liftExponent);

    /// <summary>outputs[r][d] += Σ_t weights[r][t] · values[t][d] for tokens begin..end-1 of a tile.</summary>
    static abstract void Accumulate(
        in KvLayout layout, byte* tile, byte* ahead, int begin, int end, float* weights, int rows, float* outputs, float* scratch);

    /// <summary>x[i] = x[i] · factor + y[i] · otherFactor over a multiple of 16 values.</summary>
    static abstract void Combine(float* x, float factor, float* y, float otherFactor, int count);

    /// <summary>target[i] = source[i] · factor.</summary>
    static abstract void Scale(float* source, float factor, float* target, int count);
}
