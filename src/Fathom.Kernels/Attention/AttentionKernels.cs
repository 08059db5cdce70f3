using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.Attention;

/// <summary>The two products of attention over one block of 16 tokens, for any number of query rows.</summary>
/// <remarks>
/// Every element is one chain of fused multiply-adds, over dimensions ascending for scores and over tokens ascending for
/// outputs. Which rows share a register tile therefore changes no bit of any of them.
/// </remarks>
internal static unsafe class AttentionKernels
{
    // SAFETY (all methods): keys hold [dims][16] and values [16][stride] in the lanes' type, stride a multiple of 16;
    // queries hold [rows][dims], scores [rows][scoreStride >= 16] and outputs [rows][stride].

    /// <summary>scores[r][t] = Σ_d queries[r][d] · keys[d][t].</summary>
    public static void Scores<TLanes>(byte* keys, int dims, float* queries, int rows, float* scores, int scoreStride)
        where TLanes : struct, IKvLanes
    {
        var r = 0;
        for (; r <= rows - 4; r += 4)
            Scores4<TLanes>(keys, dims, queries + r * dims, scores + r * scoreStride, scoreStride);
        if (rows - r == 3)
        {
            Scores3<TLanes>(keys, dims, queries + r * dims, scores + r * scoreStride, scoreStride);
            return;
        }
        if (rows - r == 2)
        {
            Scores2<TLanes>(keys, dims, queries + r * dims, scores + r * scoreStride, scoreStride);
            return;
        }
        if (rows - r == 1)
            Scores1<TLanes>(keys, dims, queries + r * dims, scores + r * scoreStride);
    }

    /// <summary>outputs[r][d] += Σ_t weights[r][t] · values[t][d] for tokens begin..end-1.</summary>
    public static void Accumulate<TLanes>(
        byte* values, int stride, int begin, int end, float* weights, int weightStride, int rows, float* outputs)
        where TLanes : struct, IKvLanes
    {
        var r = 0;
        for (; r <= rows - 4; r += 4)
            Accumulate4<TLanes>(values, stride, begin, end, weights + r * weightStride, weightStride, outputs + r * stride);
        for (; r <= rows - 2; r += 2)
            Accumulate2<TLanes>(values, stride, begin, end, weights + r * weightStride, weightStride, outputs + r * stride);
        if (r < rows)
            Accumulate1<TLanes>(values, stride, begin, end, weights + r * weightStride, outputs + r * stride);
    }

    /// <summary>Scalar twin of <see cref="Scores"/> over singles.</summary>
    public static void ScoresScalar(float* keys, int dims, float* queries, int rows, float* scores, int scoreStride)
    {
        for (var r = 0; r < rows; r++)
        {
            for (var t = 0; t < KvLayout.BlockTokens; t++)
            {
                var sum = 0.0f;
                for (var d = 0; d < dims; d++)
                    sum += queries[r * dims + d] * keys[d * KvLayout.BlockTokens + t];
                scores[r * scoreStride + t] = sum;
            }
        }
    }

    /// <summary>Scalar twin of <see cref="Accumulate"/> over singles.</summary>
    public static void AccumulateScalar(
        float* values, int stride, int begin, int end, float* weights, int weightStride, int rows, float* outputs)
    {
        for (var r = 0; r < rows; r++)
        {
            for (var t = begin; t < end; t++)
            {
                for (var d = 0; d < stride; d++)
                    outputs[r * stride + d] += weights[r * weightStride + t] * values[t * stride + d];
            }
        }
    }

    private static void Scores4<TLanes>(byte* keys, int dims, float* q, float* scores, int scoreStride)
        where TLanes : struct, IKvLanes
    {
        float* q1 = q + dims, q2 = q1 + dims, q3 = q2 + dims;
        // aRH: row R, tokens 8H..8H+7 in the lanes.
        Vector256<float> a00 = default, a01 = default, a10 = default, a11 = default;
        Vector256<float> a20 = default, a21 = default, a30 = default, a31 = default;
        for (nint d = 0; d < dims; d++)
        {
            var k0 = TLanes.Load(keys, d * 16);
            var k1 = TLanes.Load(keys, d * 16 + 8);
            var b = Vector256.Create(q[d]);
            a00 = Fma.MultiplyAdd(b, k0, a00);
            a01 = Fma.MultiplyAdd(b, k1, a01);
            b = Vector256.Create(q1[d]);
            a10 = Fma.MultiplyAdd(b, k0, a10);
            a11 = Fma.MultiplyAdd(b, k1, a11);
            b = Vector256.Create(q2[d]);
            a20 = Fma.MultiplyAdd(b, k0, a20);
            a21 = Fma.MultiplyAdd(b, k1, a21);
            b = Vector256.Create(q3[d]);
            a30 = Fma.MultiplyAdd(b, k0, a30);
            a31 = Fma.MultiplyAdd(b, k1, a31);
        }
        Store(scores, a00, a01);
        Store(scores + scoreStride, a10, a11);
        Store(scores + 2 * scoreStride, a20, a21);
        Store(scores + 3 * scoreStride, a30, a31);
    }

    private static void Scores3<TLanes>(byte* keys, int dims, float* q, float* scores, int scoreStride)
        where TLanes : struct, IKvLanes
    {
        float* q1 = q + dims, q2 = q1 + dims;
        Vector256<float> a00 = default, a01 = default, a10 = default, a11 = default, a20 = default, a21 = default;
        for (nint d = 0; d < dims; d++)
        {
            var k0 = TLanes.Load(keys, d * 16);
            var k1 = TLanes.Load(keys, d * 16 + 8);
            var b = Vector256.Create(q[d]);
            a00 = Fma.MultiplyAdd(b, k0, a00);
            a01 = Fma.MultiplyAdd(b, k1, a01);
            b = Vector256.Create(q1[d]);
            a10 = Fma.MultiplyAdd(b, k0, a10);
            a11 = Fma.MultiplyAdd(b, k1, a11);
            b = Vector256.Create(q2[d]);
            a20 = Fma.MultiplyAdd(b, k0, a20);
            a21 = Fma.MultiplyAdd(b, k1, a21);
        }
        Store(scores, a00, a01);
        Store(scores + scoreStride, a10, a11);
        Store(scores + 2 * scoreStride, a20, a21);
    }

    private static void Scores2<TLanes>(byte* keys, int dims, float* q, float* scores, int scoreStride)
        where TLanes : struct, IKvLanes
    {
        var q1 = q + dims;
        Vector256<float> a00 = default, a01 = default, a10 = default, a11 = default;
        for (nint d = 0; d < dims; d++)
        {
            var k0 = TLanes.Load(keys, d * 16);
            var k1 = TLanes.Load(keys, d * 16 + 8);
            var b = Vector256.Create(q[d]);
            a00 = Fma.MultiplyAdd(b, k0, a00);
            a01 = Fma.MultiplyAdd(b, k1, a01);
            b = Vector256.Create(q1[d]);
            a10 = Fma.MultiplyAdd(b, k0, a10);
            a11 = Fma.MultiplyAdd(b, k1, a11);
        }
        Store(scores, a00, a01);
        Store(scores + scoreStride, a10, a11);
    }

    private static void Scores1<TLanes>(byte* keys, int dims, float* q, float* scores)
        where TLanes : struct, IKvLanes
    {
        Vector256<float> a0 = default, a1 = default;
        for (nint d = 0; d < dims; d++)
        {
            var b = Vector256.Create(q[d]);
            a0 = Fma.MultiplyAdd(b, TLanes.Load(keys, d * 16), a0);
            a1 = Fma.MultiplyAdd(b, TLanes.Load(keys, d * 16 + 8), a1);
        }
        Store(scores, a0, a1);
    }

    private static void Accumulate4<TLanes>(
        byte* values, int stride, int begin, int end, float* w, int weightStride, float* outputs)
        where TLanes : struct, IKvLanes
    {
        float* w1 = w + weightStride, w2 = w1 + weightStride, w3 = w2 + weightStride;
        float* o1 = outputs + stride, o2 = o1 + stride, o3 = o2 + stride;
        for (nint d = 0; d < stride; d += 16)
        {
            // aRH: row R, dimensions d+8H..d+8H+7 in the lanes.
            Vector256<float> a00 = Vector256.Load(outputs + d), a01 = Vector256.Load(outputs + d + 8);
            Vector256<float> a10 = Vector256.Load(o1 + d), a11 = Vector256.Load(o1 + d + 8);
            Vector256<float> a20 = Vector256.Load(o2 + d), a21 = Vector256.Load(o2 + d + 8);
            Vector256<float> a30 = Vector256.Load(o3 + d), a31 = Vector256.Load(o3 + d + 8);
            for (nint t = begin; t < end; t++)
            {
                var v0 = TLanes.Load(values, t * stride + d);
                var v1 = TLanes.Load(values, t * stride + d + 8);
                var b = Vector256.Create(w[t]);
                a00 = Fma.MultiplyAdd(b, v0, a00);
                a01 = Fma.MultiplyAdd(b, v1, a01);
                b = Vector256.Create(w1[t]);
                a10 = Fma.MultiplyAdd(b, v0, a10);
                a11 = Fma.MultiplyAdd(b, v1, a11);
                b = Vector256.Create(w2[t]);
                a20 = Fma.MultiplyAdd(b, v0, a20);
                a21 = Fma.MultiplyAdd(b, v1, a21);
                b = Vector256.Create(w3[t]);
                a30 = Fma.MultiplyAdd(b, v0, a30);
                a31 = Fma.MultiplyAdd(b, v1, a31);
            }
            Store(outputs + d, a00, a01);
            Store(o1 + d, a10, a11);
            Store(o2 + d, a20, a21);
            Store(o3 + d, a30, a31);
        }
    }

    private static void Accumulate2<TLanes>(
        byte* values, int stride, int begin, int end, float* w, int weightStride, float* outputs)
        where TLanes : struct, IKvLanes
    {
        var w1 = w + weightStride;
        var o1 = outputs + stride;
        for (nint d = 0; d < stride; d += 16)
        {
            Vector256<float> a00 = Vector256.Load(outputs + d), a01 = Vector256.Load(outputs + d + 8);
            Vector256<float> a10 = Vector256.Load(o1 + d), a11 = Vector256.Load(o1 + d + 8);
            for (nint t = begin; t < end; t++)
            {
                var v0 = TLanes.Load(values, t * stride + d);
                var v1 = TLanes.Load(values, t * stride + d + 8);
                var b = Vector256.Create(w[t]);
                a00 = Fma.MultiplyAdd(b, v0, a00);
                a01 = Fma.MultiplyAdd(b, v1, a01);
                b = Vector256.Create(w1[t]);
                a10 = Fma.MultiplyAdd(b, v0, a10);
                a11 = Fma.MultiplyAdd(b, v1, a11);
            }
            Store(outputs + d, a00, a01);
            Store(o1 + d, a10, a11);
        }
    }

    private static void Accumulate1<TLanes>(byte* values, int stride, int begin, int end, float* w, float* outputs)
        where TLanes : struct, IKvLanes
    {
        for (nint d = 0; d < stride; d += 16)
        {
            Vector256<float> a0 = Vector256.Load(outputs + d), a1 = Vector256.Load(outputs + d + 8);
            for (nint t = begin; t < end; t++)
            {
                var b = Vector256.Create(w[t]);
                a0 = Fma.MultiplyAdd(b, TLanes.Load(values, t * stride + d), a0);
                a1 = Fma.MultiplyAdd(b, TLanes.Load(values, t * stride + d + 8), a1);
            }
            Store(outputs + d, a0, a1);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* target, Vector256<float> low, Vector256<float> high)
    {
        low.Store(target);
        high.Store(target + 8);
    }
}
