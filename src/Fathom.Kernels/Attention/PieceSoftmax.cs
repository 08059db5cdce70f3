using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Fathom.Kernels.Activations;

namespace Fathom.Kernels.Attention;

/// <summary>Turns one query's scores over one piece of a sequence into weights e^(score - max), in place.</summary>
/// <remarks>
/// Scores stand at their token's place in the piece. Lane l of the low and high sums holds tokens 16b + l and 16b + 8 + l
/// for ascending b, and a token outside the query's range adds an exact zero, so the sum does not depend on how many
/// blocks the tile around the query made it look at.
/// </remarks>
internal static unsafe class PieceSoftmax
{
    /// <summary>Largest (scaled, capped) score and sum of the weights.</summary>
    public readonly record struct Result(float Max, float Sum)
    {
        /// <summary>No token of the piece is in the query's range.</summary>
        public static Result Nothing => new(float.NegativeInfinity, 0);
    }

    // SAFETY (both methods): scores hold [begin, end), begin and end multiples of 16, and [low, high) is inside.

    /// <summary>Weights of tokens low..high-1, zero for the others in begin..end-1.</summary>
    /// <param name="scores">Raw scores by place in the piece; replaced by weights times 2^liftExponent.</param>
    /// <param name="begin">First place present, a multiple of 16.</param>
    /// <param name="end">One past the last place present, a multiple of 16.</param>
    /// <param name="low">First place the query sees.</param>
    /// <param name="high">One past the last place the query sees.</param>
    /// <param name="factor">Positive factor on the raw scores.</param>
    /// <param name="cap">Soft cap, or 0.</param>
    /// <param name="liftExponent">Power of two on the weights and their sum.</param>
    public static Result Apply(
        float* scores, int begin, int end, int low, int high, float factor, float cap, int liftExponent)
    {
        if (low >= high)
        {
            new Span<float>(scores + begin, end - begin).Clear();
            return Result.Nothing;
        }
        if (cap > 0)
        {
            var inner = Vector256.Create(factor / cap);
            var outer = Vector256.Create(cap);
            for (var i = begin; i < end; i += 8)
                (VectorMath.Tanh(Vector256.Load(scores + i) * inner) * outer).Store(scores + i);
            factor = 1;
        }
        new Span<float>(scores + begin, low - begin).Fill(float.NegativeInfinity);
        new Span<float>(scores + high, end - high).Fill(float.NegativeInfinity);

        Vector256<float> largestLow = Vector256.Load(scores + begin), largestHigh = Vector256.Load(scores + begin + 8);
        for (var i = begin + 16; i < end; i += 16)
        {
            largestLow = Avx.Max(largestLow, Vector256.Load(scores + i));
            largestHigh = Avx.Max(largestHigh, Vector256.Load(scores + i + 8));
        }
        var max = VectorMath.Max(Avx.Max(largestLow, largestHigh)) * factor;

        var scale = Vector256.Create(factor);
        var shift = Vector256.Create(max);
        var bias = Vector256.Create(127 + liftExponent);
        Vector256<float> sumLow = default, sumHigh = default;
        for (var i = begin; i < end; i += 16)
        {
            var w = ExpNotPositive(Fma.MultiplySubtract(Vector256.Load(scores + i), scale, shift), bias);
            w.Store(scores + i);
            sumLow += w;
            w = ExpNotPositive(Fma.MultiplySubtract(Vector256.Load(scores + i + 8), scale, shift), bias);
            w.Store(scores + i + 8);
            sumHigh += w;
        }
        return new Result(max, VectorMath.Sum(sumLow + sumHigh));
    }

    /// <summary>Scalar twin of <see cref="Apply"/>, without lift.</summary>
    public static Result ApplyScalar(float* scores, int begin, int end, int low, int high, float factor, float cap)
    {
        var max = float.NegativeInfinity;
        for (var i = low; i < high; i++)
        {
            scores[i] *= factor;
            if (cap > 0)
                scores[i] = cap * MathF.Tanh(scores[i] / cap);
            max = MathF.Max(max, scores[i]);
        }
        var sum = 0.0f;
        for (var i = begin; i < end; i++)
        {
            scores[i] = i >= low && i < high ? MathF.Exp(scores[i] - max) : 0;
            sum += scores[i];
        }
        return new Result(max, sum);
    }

    /// <summary>e^x · 2^(bias - 127) for x at most a rounding error above 0; exactly 0 below -87, where -∞ stands for masked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> ExpNotPositive(Vector256<float> x, Vector256<int> bias)
    {
        // The steps of VectorMath.Exp with one factor of 2^n, which cannot overflow here.
        var floor = Vector256.Create(-87.0f);
        var clamped = Avx.Max(floor, x);
        var n = Avx.RoundToNearestInteger(clamped * Vector256.Create(1.44269504f));
        var r = Fma.MultiplyAddNegated(n, Vector256.Create(0.693145752f), clamped);
        r = Fma.MultiplyAddNegated(n, Vector256.Create(1.42860677e-6f), r);
        var p = Fma.MultiplyAdd(Vector256.Create(1.392692661e-3f), r, Vector256.Create(8.363773874e-3f));
        p = Fma.MultiplyAdd(p, r, Vector256.Create(4.166655011e-2f));
        p = Fma.MultiplyAdd(p, r, Vector256.Create(1.666657338e-1f));
        p = Fma.MultiplyAdd(p, r, Vector256.Create(0.5f));
        p = Fma.MultiplyAdd(p, r * r, r) + Vector256<float>.One;
        var power = ((Avx.ConvertToVector256Int32(n) + bias) << 23).AsSingle();
        // NaN is not below the floor and stays.
        return Avx.AndNot(Vector256.LessThan(x, floor), p * power);
    }
}
