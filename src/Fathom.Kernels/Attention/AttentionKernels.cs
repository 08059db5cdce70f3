namespace Fathom.Kernels.Attention;

/// <summary>The two products of attention over one block of 16 tokens, for any number of query rows.</summary>
/// <remarks>
/// Every element is one chain of fused multiply-adds, over dimensions ascending for scores and over tokens ascending for
/// outputs. Which rows share a register tile therefore changes no bit of any of them, and neither does the vectors' width.
/// </remarks>
internal static unsafe class AttentionKernels
{
    // SAFETY (all methods): keys hold [dims][16] and values [16][stride] in the lanes' type, stride a multiple of 16;
    // queries hold [rows][dims], scores [rows][scoreStride >= 16] and outputs [rows][stride].

    /// <summary>scores[r][t] = Σ_d queries[r][d] · keys[d][t]. Meanwhile the memory from ahead on, as long as the keys, is asked for.</summary>
    public static void Scores<TSixteen, TLanes>(byte* keys, byte* ahead, nint dims, float* queries, int rows, float* scores, nint scoreStride)
        where TSixteen : struct, ISixteen<TSixteen>
        where TLanes : struct, IKvLanes<TSixteen>
    {
        while (rows > 0)
        {
            var count = TSixteen.RowsMax >= 8 && rows >= 8 ? 8 : Math.Min(rows, 4);
            switch (count)
            {
                case 8: Scores8<TSixteen, TLanes>(keys, ahead, dims, queries, scores, scoreStride); break;
                case 4: Scores4<TSixteen, TLanes>(keys, ahead, dims, queries, scores, scoreStride); break;
                case 3: Scores3<TSixteen, TLanes>(keys, ahead, dims, queries, scores, scoreStride); break;
                case 2: Scores2<TSixteen, TLanes>(keys, ahead, dims, queries, scores, scoreStride); break;
                default: Scores1<TSixteen, TLanes>(keys, ahead, dims, queries, scores); break;
            }
            rows -= count;
            queries += count * dims;
            scores += count * scoreStride;
            ahead = keys; // asked for already
        }
    }

    /// <summary>outputs[r][d] += Σ_t weights[r][t] · values[t][d] for tokens begin..end-1; ahead as in <see cref="Scores"/>.</summary>
    public static void Accumulate<TSixteen, TLanes>(
        byte* values, byte* ahead, nint stride, nint begin, nint end, float* weights, nint weightStride, int rows, float* outputs)
        where TSixteen : struct, ISixteen<TSixteen>
        where TLanes : struct, IKvLanes<TSixteen>
    {
        while (rows > 0)
        {
            var count = TSixteen.RowsMax >= 8 && rows >= 8 ? 8 : Math.Min(rows, 4);
            switch (count)
            {
                case 8: Accumulate8<TSixteen, TLanes>(values, ahead, stride, begin, end, weights, weightStride, outputs); break;
                case 4: Accumulate4<TSixteen, TLanes>(values, ahead, stride, begin, end, weights, weightStride, outputs); break;
                case 3: Accumulate3<TSixteen, TLanes>(values, ahead, stride, begin, end, weights, weightStride, outputs); break;
                case 2: Accumulate2<TSixteen, TLanes>(values, ahead, stride, begin, end, weights, weightStride, outputs); break;
                default: Accumulate1<TSixteen, TLanes>(values, ahead, stride, begin, end, weights, outputs); break;
            }
            rows -= count;
            weights += count * weightStride;
            outputs += count * stride;
            ahead = values;
        }
    }

    private static void Scores8<TSixteen, TLanes>(byte* keys, byte* ahead, nint dims, float* q, float* scores, nint scoreStride)
        where TSixteen : struct, ISixteen<TSixteen>
        where TLanes : struct, IKvLanes<TSixteen>
    {
        float* q1 = q + dims, q2 = q1 + dims, q3 = q2 + dims, q4 = q3 + dims;
        float* q5 = q4 + dims, q6 = q5 + dims, q7 = q6 + dims;
        // One row each; the lanes are the block's tokens.
        TSixteen a0 = default, a1 = default, a2 = default, a3 = default;
        TSixteen a4 = default, a5 = default, a6 = default, a7 = default;
        for (nint d = 0; d < dims; d++)
        {
            var k = TLanes.Load(keys, d * KvLayout.BlockTokens);
            TLanes.Ask(ahead, d * KvLayout.BlockTokens);
            a0 = TSixteen.MultiplyAdd(TSixteen.Create(q[d]), k, a0);
            a1 = TSixteen.MultiplyAdd(TSixteen.Create(q1[d]), k, a1);
            a2 = TSixteen.MultiplyAdd(TSixteen.Create(q2[d]), k, a2);
            a3 = TSixteen.MultiplyAdd(TSixteen.Create(q3[d]), k, a3);
            a4 = TSixteen.MultiplyAdd(TSixteen.Create(q4[d]), k, a4);
            a5 = TSixteen.MultiplyAdd(TSixteen.Create(q5[d]), k, a5);
            a6 = TSixteen.MultiplyAdd(TSixteen.Create(q6[d]), k, a6);
            a7 = TSixteen.MultiplyAdd(TSixteen.Create(q7[d]), k, a7);
        }
        a0.Store(scores);
        a1.Store(scores + scoreStride);
        a2.Store(scores + 2 * scoreStride);
        a3.Store(scores + 3 * scoreStride);
        a4.Store(scores + 4 * scoreStride);
        a5.Store(scores + 5 * scoreStride);
        a6.Store(scores + 6 * scoreStride);
        a7.Store(scores + 7 * scoreStride);
    }

    private static void Scores4<TSixteen, TLanes>(byte* keys, byte* ahead, nint dims, float* q, float* scores, nint scoreStride)
        where TSixteen : struct, ISixteen<TSixteen>
        where TLanes : struct, IKvLanes<TSixteen>
    {
        float* q1 = q + dims, q2 = q1 + dims, q3 = q2 + dims;
        // One row each; the lanes are the block's tokens.
        TSixteen a0 = default, a1 = default, a2 = default, a3 = default;
        for (nint d = 0; d < dims; d++)
        {
            var k = TLanes.Load(keys, d * KvLayout.BlockTokens);
            TLanes.Ask(ahead, d * KvLayout.BlockTokens);
            a0 = TSixteen.MultiplyAdd(TSixteen.Create(q[d]), k, a0);
            a1 = TSixteen.MultiplyAdd(TSixteen.Create(q1[d]), k, a1);
            a2 = TSixteen.MultiplyAdd(TSixteen.Create(q2[d]), k, a2);
            a3 = TSixteen.MultiplyAdd(TSixteen.Create(q3[d]), k, a3);
        }
        a0.Store(scores);
        a1.Store(scores + scoreStride);
        a2.Store(scores + 2 * scoreStride);
        a3.Store(scores + 3 * scoreStride);
    }

    private static void Scores3<TSixteen, TLanes>(byte* keys, byte* ahead, nint dims, float* q, float* scores, nint scoreStride)
        where TSixteen : struct, ISixteen<TSixteen>
        where TLanes : struct, IKvLanes<TSixteen>
    {
        float* q1 = q + dims, q2 = q1 + dims;
        // One row each; the lanes are the block's tokens.
        TSixteen a0 = default, a1 = default, a2 = default;
        for (nint d = 0; d < dims; d++)
        {
            var k = TLanes.Load(keys, d * KvLayout.BlockTokens);
            TLanes.Ask(ahead, d * KvLayout.BlockTokens);
            a0 = TSixteen.MultiplyAdd(TSixteen.Create(q[d]), k, a0);
            a1 = TSixteen.MultiplyAdd(TSixteen.Create(q1[d]), k, a1);
            a2 = TSixteen.MultiplyAdd(TSixteen.Create(q2[d]), k, a2);
        }
        a0.Store(scores);
        a1.Store(scores + scoreStride);
        a2.Store(scores + 2 * scoreStride);
    }

    private static void Scores2<TSixteen, TLanes>(byte* keys, byte* ahead, nint dims, float* q, float* scores, nint scoreStride)
        where TSixteen : struct, ISixteen<TSixteen>
        where TLanes : struct, IKvLanes<TSixteen>
    {
        float* q1 = q + dims;
        // One row each; the lanes are the block's tokens.
        TSixteen a0 = default, a1 = default;
        for (nint d = 0; d < dims; d++)
        {
            var k = TLanes.Load(keys, d * KvLayout.BlockTokens);
            TLanes.Ask(ahead, d * KvLayout.BlockTokens);
            a0 = TSixteen.MultiplyAdd(TSixteen.Create(q[d]), k, a0);
            a1 = TSixteen.MultiplyAdd(TSixteen.Create(q1[d]), k, a1);
        }
        a0.Store(scores);
        a1.Store(scores + scoreStride);
    }

    private static void Scores1<TSixteen, TLanes>(byte* keys, byte* ahead, nint dims, float* q, float* scores)
        where TSixteen : struct, ISixteen<TSixteen>
        where TLanes : struct, IKvLanes<TSixteen>
    {
        TSixteen a0 = default;
        for (nint d = 0; d < dims; d++)
        {
            var k = TLanes.Load(keys, d * KvLayout.BlockTokens);
            TLanes.Ask(ahead, d * KvLayout.BlockTokens);
            a0 = TSixteen.MultiplyAdd(TSixteen.Create(q[d]), k, a0);
        }
        a0.Store(scores);
    }

    private static void Accumulate8<TSixteen, TLanes>(
        byte* values, byte* ahead, nint stride, nint begin, nint end, float* w, nint weightStride, float* outputs)
        where TSixteen : struct, ISixteen<TSixteen>
        where TLanes : struct, IKvLanes<TSixteen>
    {
        float* w1 = w + weightStride, w2 = w1 + weightStride, w3 = w2 + weightStride, w4 = w3 + weightStride;
        float* w5 = w4 + weightStride, w6 = w5 + weightStride, w7 = w6 + weightStride;
        for (nint d = 0; d < stride; d += 16)
        {
            // One row each; the lanes are dimensions d..d+15.
            var a0 = TSixteen.Load(outputs + d);
            var a1 = TSixteen.Load(outputs + stride + d);
            var a2 = TSixteen.Load(outputs + 2 * stride + d);
            var a3 = TSixteen.Load(outputs + 3 * stride + d);
            var a4 = TSixteen.Load(outputs + 4 * stride + d);
            var a5 = TSixteen.Load(outputs + 5 * stride + d);
            var a6 = TSixteen.Load(outputs + 6 * stride + d);
            var a7 = TSixteen.Load(outputs + 7 * stride + d);
            for (var t = begin; t < end; t++)
            {
                var v = TLanes.Load(values, t * stride + d);
                TLanes.Ask(ahead, d * KvLayout.BlockTokens + t * 16);
                a0 = TSixteen.MultiplyAdd(TSixteen.Create(w[t]), v, a0);
                a1 = TSixteen.MultiplyAdd(TSixteen.Create(w1[t]), v, a1);
                a2 = TSixteen.MultiplyAdd(TSixteen.Create(w2[t]), v, a2);
                a3 = TSixteen.MultiplyAdd(TSixteen.Create(w3[t]), v, a3);
                a4 = TSixteen.MultiplyAdd(TSixteen.Create(w4[t]), v, a4);
                a5 = TSixteen.MultiplyAdd(TSixteen.Create(w5[t]), v, a5);
                a6 = TSixteen.MultiplyAdd(TSixteen.Create(w6[t]), v, a6);
                a7 = TSixteen.MultiplyAdd(TSixteen.Create(w7[t]), v, a7);
            }
            a0.Store(outputs + d);
            a1.Store(outputs + stride + d);
            a2.Store(outputs + 2 * stride + d);
            a3.Store(outputs + 3 * stride + d);
            a4.Store(outputs + 4 * stride + d);
            a5.Store(outputs + 5 * stride + d);
            a6.Store(outputs + 6 * stride + d);
            a7.Store(outputs + 7 * stride + d);
        }
    }

    private static void Accumulate4<TSixteen, TLanes>(
        byte* values, byte* ahead, nint stride, nint begin, nint end, float* w, nint weightStride, float* outputs)
        where TSixteen : struct, ISixteen<TSixteen>
        where TLanes : struct, IKvLanes<TSixteen>
    {
        float* w1 = w + weightStride, w2 = w1 + weightStride, w3 = w2 + weightStride;
        for (nint d = 0; d < stride; d += 16)
        {
            // One row each; the lanes are dimensions d..d+15.
            var a0 = TSixteen.Load(outputs + d);
            var a1 = TSixteen.Load(outputs + stride + d);
            var a2 = TSixteen.Load(outputs + 2 * stride + d);
            var a3 = TSixteen.Load(outputs + 3 * stride + d);
            for (var t = begin; t < end; t++)
            {
                var v = TLanes.Load(values, t * stride + d);
                TLanes.Ask(ahead, d * KvLayout.BlockTokens + t * 16);
                a0 = TSixteen.MultiplyAdd(TSixteen.Create(w[t]), v, a0);
                a1 = TSixteen.MultiplyAdd(TSixteen.Create(w1[t]), v, a1);
                a2 = TSixteen.MultiplyAdd(TSixteen.Create(w2[t]), v, a2);
                a3 = TSixteen.MultiplyAdd(TSixteen.Create(w3[t]), v, a3);
            }
            a0.Store(outputs + d);
            a1.Store(outputs + stride + d);
            a2.Store(outputs + 2 * stride + d);
            a3.Store(outputs + 3 * stride + d);
        }
    }

    private static void Accumulate3<TSixteen, TLanes>(
        byte* values, byte* ahead, nint stride, nint begin, nint end, float* w, nint weightStride, float* outputs)
        where TSixteen : struct, ISixteen<TSixteen>
        where TLanes : struct, IKvLanes<TSixteen>
    {
        float* w1 = w + weightStride, w2 = w1 + weightStride;
        for (nint d = 0; d < stride; d += 16)
        {
            // One row each; the lanes are dimensions d..d+15.
            var a0 = TSixteen.Load(outputs + d);
            var a1 = TSixteen.Load(outputs + stride + d);
            var a2 = TSixteen.Load(outputs + 2 * stride + d);
            for (var t = begin; t < end; t++)
            {
                var v = TLanes.Load(values, t * stride + d);
                TLanes.Ask(ahead, d * KvLayout.BlockTokens + t * 16);
                a0 = TSixteen.MultiplyAdd(TSixteen.Create(w[t]), v, a0);
                a1 = TSixteen.MultiplyAdd(TSixteen.Create(w1[t]), v, a1);
                a2 = TSixteen.MultiplyAdd(TSixteen.Create(w2[t]), v, a2);
            }
            a0.Store(outputs + d);
            a1.Store(outputs + stride + d);
            a2.Store(outputs + 2 * stride + d);
        }
    }

    private static void Accumulate2<TSixteen, TLanes>(
        byte* values, byte* ahead, nint stride, nint begin, nint end, float* w, nint weightStride, float* outputs)
        where TSixteen : struct, ISixteen<TSixteen>
        where TLanes : struct, IKvLanes<TSixteen>
    {
        float* w1 = w + weightStride;
        for (nint d = 0; d < stride; d += 16)
        {
            // One row each; the lanes are dimensions d..d+15.
            var a0 = TSixteen.Load(outputs + d);
            var a1 = TSixteen.Load(outputs + stride + d);
            for (var t = begin; t < end; t++)
            {
                var v = TLanes.Load(values, t * stride + d);
                TLanes.Ask(ahead, d * KvLayout.BlockTokens + t * 16);
                a0 = TSixteen.MultiplyAdd(TSixteen.Create(w[t]), v, a0);
                a1 = TSixteen.MultiplyAdd(TSixteen.Create(w1[t]), v, a1);
            }
            a0.Store(outputs + d);
            a1.Store(outputs + stride + d);
        }
    }

    private static void Accumulate1<TSixteen, TLanes>(
        byte* values, byte* ahead, nint stride, nint begin, nint end, float* w, float* outputs)
        where TSixteen : struct, ISixteen<TSixteen>
        where TLanes : struct, IKvLanes<TSixteen>
    {
        for (nint d = 0; d < stride; d += 16)
        {
            var a0 = TSixteen.Load(outputs + d);
            for (var t = begin; t < end; t++)
            {
                var v = TLanes.Load(values, t * stride + d);
                TLanes.Ask(ahead, d * KvLayout.BlockTokens + t * 16);
                a0 = TSixteen.MultiplyAdd(TSixteen.Create(w[t]), v, a0);
            }
            a0.Store(outputs + d);
        }
    }
}
