using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.Activations;

/// <summary>Softmax and log-sum-exp of one row, stable against large values.</summary>
/// <remarks>Allocates nothing. -∞ stands for a value that is excluded.</remarks>
public static class Softmax
{
    /// <summary>x[i] = e^(x[i] - max) / Σ_j e^(x[j] - max), in place.</summary>
    /// <param name="x">One row; when every value is -∞, all become 0.</param>
    public static void Apply(Span<float> x)
    {
        var max = Max(x);
        if (float.IsNegativeInfinity(max))
        {
            x.Clear();
            return;
        }
        var sum = VectorMath.IsSupported ? Exponentiate(x, max) : ExponentiateScalar(x, max);
        Elementwise.Map(new ScaleOperator((float)(1 / sum)), x, x);
    }

    /// <summary>ln Σ_i e^x[i], so that a value's log-probability is the value minus this.</summary>
    /// <param name="x">One row; an empty one, or one of -∞ alone, gives -∞.</param>
    public static float LogSumExp(ReadOnlySpan<float> x)
    {
        var max = Max(x);
        if (float.IsNegativeInfinity(max))
            return max;
        Span<float> chunk = stackalloc float[256];
        var sum = 0.0;
        for (var i = 0; i < x.Length; i += chunk.Length)
        {
            var part = chunk[..Math.Min(chunk.Length, x.Length - i)];
            x.Slice(i, part.Length).CopyTo(part);
            sum += VectorMath.IsSupported ? Exponentiate(part, max) : ExponentiateScalar(part, max);
        }
        return (float)(max + Math.Log(sum));
    }

    /// <summary>Scalar twin of <see cref="Apply"/>.</summary>
    internal static void ApplyScalar(Span<float> x)
    {
        var max = float.NegativeInfinity;
        foreach (var value in x)
            max = MathF.Max(max, value);
        if (float.IsNegativeInfinity(max))
        {
            x.Clear();
            return;
        }
        var scale = (float)(1 / ExponentiateScalar(x, max));
        for (var i = 0; i < x.Length; i++)
            x[i] *= scale;
    }

    private static float Max(ReadOnlySpan<float> x)
    {
        var max = float.NegativeInfinity;
        var i = 0;
        if (VectorMath.IsSupported && x.Length >= 8)
        {
            ref var first = ref MemoryMarshal.GetReference(x);
            var lanes = Vector256.LoadUnsafe(ref first);
            for (i = 8; i <= x.Length - 8; i += 8)
                lanes = Avx.Max(lanes, Vector256.LoadUnsafe(ref first, (nuint)i));
            max = VectorMath.Max(lanes);
        }
        for (; i < x.Length; i++)
            max = MathF.Max(max, x[i]);
        return max;
    }

    private static double Exponentiate(Span<float> x, float max)
    {
        ref var first = ref MemoryMarshal.GetReference(x);
        var shift = Vector256.Create(max);
        // Lanes hold sums of every eighth value; a vocabulary of 256k gives each lane 32k terms, summed in f64.
        Vector256<double> low = default, high = default;
        var whole = x.Length & ~7;
        for (var i = 0; i < whole; i += 8)
        {
            var e = VectorMath.Exp(Vector256.LoadUnsafe(ref first, (nuint)i) - shift);
            e.StoreUnsafe(ref first, (nuint)i);
            low += Avx.ConvertToVector256Double(e.GetLower());
            high += Avx.ConvertToVector256Double(e.GetUpper());
        }
        var sum = Vector256.Sum(low + high);
        if (whole < x.Length)
        {
            Elementwise.StorePartial(VectorMath.Exp(Elementwise.LoadPartial(x[whole..]) - shift), x[whole..]);
            foreach (var e in x[whole..])
                sum += e;
        }
        return sum;
    }

    private static double ExponentiateScalar(Span<float> x, float max)
    {
        var sum = 0.0;
        for (var i = 0; i < x.Length; i++)
        {
            x[i] = MathF.Exp(x[i] - max);
            sum += x[i];
        }
        return sum;
    }
}
