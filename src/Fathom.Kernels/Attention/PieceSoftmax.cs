using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Fathom.Kernels.Activations;

namespace Fathom.Kernels.Attention;

/// <summary>Turns one query's scores over one piece of a sequence into weights e^(score - max), in place.</summary>
/// <remarks>
/// Scores stand at their token's place in the piece. Lane l of the sums holds tokens 16b + l for ascending b, and a token
/// outside the query's range adds an exact zero, so the sum does not depend on how many blocks the tile around the query
/// made it look at.
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
    public static Result Apply<TSixteen>(
        float* scores, int begin, int end, int low, int high, float factor, float cap, int liftExponent)
        where TSixteen : struct, ISixteen<TSixteen>
    {
        if (low >= high)
        {
            new Span<float>(scores + begin, end - begin).Clear();
            return Result.Nothing;
        }
        if (cap > 0)
        {
            Cap(new Span<float>(scores + begin, end - begin), factor / cap, cap);
            factor = 1;
        }
        new Span<float>(scores + begin, low - begin).Fill(float.NegativeInfinity);
        new Span<float>(scores + high, end - high).Fill(float.NegativeInfinity);

        var largest = TSixteen.Load(scores + begin);
        for (var i = begin + 16; i < end; i += 16)
            largest = TSixteen.Max(largest, TSixteen.Load(scores + i));
        var max = largest.Largest() * factor;

        var scale = TSixteen.Create(factor);
        var shift = TSixteen.Create(-max);
        TSixteen sum = default;
        for (var i = begin; i < end; i += 16)
        {
            var w = ExpNotPositive(TSixteen.MultiplyAdd(TSixteen.Load(scores + i), scale, shift), 127 + liftExponent);
            w.Store(scores + i);
            sum += w;
        }
        return new Result(max, sum.Sum());
    }

    /// <summary>Scalar twin of <see cref="Apply{TSixteen}"/>, without lift.</summary>
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

    /// <summary>cap · tanh(inner · score).</summary>
    private static void Cap(Span<float> scores, float inner, float cap)
    {
        if (!VectorMath.IsSupported)
        {
            foreach (ref var score in scores)
                score = MathF.Tanh(score * inner) * cap;
            return;
        }
        ref var first = ref MemoryMarshal.GetReference(scores);
        for (var i = 0; i < scores.Length; i += 8)
        {
            var x = Vector256.LoadUnsafe(ref first, (nuint)i) * Vector256.Create(inner);
            (VectorMath.Tanh(x) * Vector256.Create(cap)).StoreUnsafe(ref first, (nuint)i);
        }
    }

    /// <summary>e^x · 2^(bias - 127) for x at most a rounding error above 0; exactly 0 below -87, where -∞ stands for masked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TSixteen ExpNotPositive<TSixteen>(TSixteen x, int bias)
        where TSixteen : struct, ISixteen<TSixteen>
    {
        // The steps of VectorMath.Exp with one factor of 2^n, which cannot overflow here.
        var floor = TSixteen.Create(-87.0f);
        var clamped = TSixteen.Max(floor, x);
        var n = TSixteen.Round(clamped * TSixteen.Create(1.44269504f));
        var r = TSixteen.MultiplyAdd(n, TSixteen.Create(-0.693145752f), clamped);
        r = TSixteen.MultiplyAdd(n, TSixteen.Create(-1.42860677e-6f), r);
        var p = TSixteen.MultiplyAdd(TSixteen.Create(1.392692661e-3f), r, TSixteen.Create(8.363773874e-3f));
        p = TSixteen.MultiplyAdd(p, r, TSixteen.Create(4.166655011e-2f));
        p = TSixteen.MultiplyAdd(p, r, TSixteen.Create(1.666657338e-1f));
        p = TSixteen.MultiplyAdd(p, r, TSixteen.Create(0.5f));
        p = TSixteen.MultiplyAdd(p, r * r, r) + TSixteen.Create(1);
        // NaN is not below the floor and stays.
        return TSixteen.ZeroBelow(x, floor, p * TSixteen.PowerOfTwo(n, bias));
    }
}
