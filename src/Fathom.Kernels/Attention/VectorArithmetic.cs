namespace Fathom.Kernels.Attention;

/// <summary>Attention's arithmetic on vectors.</summary>
internal readonly unsafe struct VectorArithmetic<TSixteen> : IAttentionArithmetic
    where TSixteen : struct, ISixteen<TSixteen>
{
    public static bool ReadsHalvesLowered => true;

    public static void Score(in KvLayout layout, byte* tile, byte* ahead, float* queries, int rows, float* scores, float* scratch)
    {
        // For a few rows, converting halves in registers costs less than writing them out for reuse.
        if (layout.Type == KvType.F16 && rows <= TSixteen.RowsMax)
        {
            AttentionKernels.Scores<TSixteen, LoweredHalfLanes<TSixteen>>(
                tile, ahead, layout.HeadDim, queries, rows, scores, AttentionPlan.ScoreStride);
            return;
        }
        var keys = (byte*)KvTiles.Keys<TSixteen>(layout, tile, ahead, scratch);
        AttentionKernels.Scores<TSixteen, SingleLanes<TSixteen>>(keys, keys, layout.HeadDim, queries, rows, scores, AttentionPlan.ScoreStride);
    }

    public static PieceSoftmax.Result Weigh(
        float* scores, int begin, int end, int low, int high, float factor, float cap, int liftExponent) =>
        PieceSoftmax.Apply<TSixteen>(scores, begin, end, low, high, factor, cap, liftExponent);

    public static void Accumulate(
        in KvLayout layout, byte* tile, byte* ahead, int begin, int end, float* weights, int rows, float* outputs, float* scratch)
    {
        if (layout.Type == KvType.F16 && rows <= TSixteen.RowsMax)
        {
            AttentionKernels.Accumulate<TSixteen, LoweredHalfLanes<TSixteen>>(
                tile + layout.ValueOffset, ahead, layout.ValueStride, begin, end, weights, AttentionPlan.ScoreStride, rows, outputs);
            return;
        }
        var values = (byte*)KvTiles.Values<TSixteen>(layout, tile, ahead, scratch, begin, end);
        AttentionKernels.Accumulate<TSixteen, SingleLanes<TSixteen>>(
            values, values, layout.ValueStride, begin, end, weights, AttentionPlan.ScoreStride, rows, outputs);
    }

    public static void Combine(float* x, float factor, float* y, float otherFactor, int count)
    {
        TSixteen a = TSixteen.Create(factor), b = TSixteen.Create(otherFactor);
        for (nint i = 0; i < count; i += 16)
            TSixteen.MultiplyAdd(TSixteen.Load(x + i), a, TSixteen.Load(y + i) * b).Store(x + i);
    }

    public static void Scale(float* source, float factor, float* target, int count)
    {
        var f = TSixteen.Create(factor);
        nint i = 0;
        for (; i <= count - 16; i += 16)
            (TSixteen.Load(source + i) * f).Store(target + i);
        for (; i < count; i++)
            target[i] = source[i] * factor;
    }
}
