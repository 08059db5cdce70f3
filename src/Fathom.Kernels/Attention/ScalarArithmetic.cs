namespace Fathom.Kernels.Attention;

/// <summary>The scalar twin of attention's arithmetic.</summary>
internal readonly unsafe struct ScalarArithmetic : IAttentionArithmetic
{
    public static bool ReadsHalvesLowered => false;

    public static void Score(in KvLayout layout, byte* tile, byte* ahead, float* queries, int rows, float* scores, float* scratch)
    {
        var keys = KvTiles.KeysScalar(layout, tile, scratch);
        for (var r = 0; r < rows; r++)
        {
            for (var t = 0; t < KvLayout.BlockTokens; t++)
            {
                var sum = 0.0f;
                for (var d = 0; d < layout.HeadDim; d++)
                    sum += queries[r * layout.HeadDim + d] * keys[d * KvLayout.BlockTokens + t];
                scores[r * AttentionPlan.ScoreStride + t] = sum;
            }
        }
    }

    public static PieceSoftmax.Result Weigh(
        float* scores, int begin, int end, int low, int high, float factor, float cap, int liftExponent) =>
        PieceSoftmax.ApplyScalar(scores, begin, end, low, high, factor, cap);

    public static void Accumulate(
        in KvLayout layout, byte* tile, byte* ahead, int begin, int end, float* weights, int rows, float* outputs, float* scratch)
    {
        var values = KvTiles.ValuesScalar(layout, tile, scratch, begin, end);
        var stride = layout.ValueStride;
        for (var r = 0; r < rows; r++)
        {
            for (var t = begin; t < end; t++)
            {
                for (var d = 0; d < stride; d++)
                    outputs[r * stride + d] += weights[r * AttentionPlan.ScoreStride + t] * values[t * stride + d];
            }
        }
    }

    public static void Combine(float* x, float factor, float* y, float otherFactor, int count)
    {
        for (var i = 0; i < count; i++)
            x[i] = x[i] * factor + y[i] * otherFactor;
    }

    public static void Scale(float* source, float factor, float* target, int count)
    {
        for (var i = 0; i < count; i++)
            target[i] = source[i] * factor;
    }
}
