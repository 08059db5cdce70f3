using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.Activations;

/// <summary>Elementary functions on eight floats at a time.</summary>
/// <remarks>
/// Each is a function of its lane alone, so an element's bits do not depend on where it stands in a vector. Only called
/// where <see cref="IsSupported"/>; the scalar twins are <see cref="MathF"/>'s. The coefficients are interpolations at
/// Chebyshev nodes on the stated interval, with the stated relative error before rounding.
/// </remarks>
internal static class VectorMath
{
    /// <summary>Whether the AVX2 and FMA paths of the operators run; a constant to the JIT.</summary>
    public static bool IsSupported
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Avx2.IsSupported && Fma.IsSupported;
    }

    /// <summary>e^x over the whole range, subnormal results and infinities included; NaN stays NaN. 1 ulp, 2 among subnormals.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x)
    {
        // Past these bounds the result is 0 or infinity anyway; min and max keep their second operand when x is NaN.
        var clamped = Avx.Min(Vector256.Create(89.0f), Avx.Max(Vector256.Create(-104.0f), x));
        // x = n ln2 + r, |r| <= ln2/2; ln2 in two parts so that n times the first is exact.
        var n = Avx.RoundToNearestInteger(clamped * Vector256.Create(1.44269504f));
        var r = Fma.MultiplyAddNegated(n, Vector256.Create(0.693145752f), clamped);
        r = Fma.MultiplyAddNegated(n, Vector256.Create(1.42860677e-6f), r);
        // e^r = 1 + r + r² P(r), P of degree 4: 1.1e-8.
        var p = Fma.MultiplyAdd(Vector256.Create(1.392692661e-3f), r, Vector256.Create(8.363773874e-3f));
        p = Fma.MultiplyAdd(p, r, Vector256.Create(4.166655011e-2f));
        p = Fma.MultiplyAdd(p, r, Vector256.Create(1.666657338e-1f));
        p = Fma.MultiplyAdd(p, r, Vector256.Create(0.5f));
        p = Fma.MultiplyAdd(p, r * r, r) + Vector256<float>.One;
        // 2^n in two factors: one alone overflows its exponent field at both ends.
        var whole = Avx.ConvertToVector256Int32(n);
        var half = whole >> 1;
        return p * PowerOfTwo(half) * PowerOfTwo(whole - half);
    }

    /// <summary>tanh x. 2 ulp; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Tanh(Vector256<float> x)
    {
        var magnitude = Vector256.Abs(x);
        // Below 0.625, where 1 - 2/(e^2x + 1) would cancel: x + x³ P(x²), P of degree 4: 1.7e-8.
        var z = x * x;
        var p = Fma.MultiplyAdd(Vector256.Create(-6.096714160e-3f), z, Vector256.Create(2.099717899e-2f));
        p = Fma.MultiplyAdd(p, z, Vector256.Create(-5.385090958e-2f));
        p = Fma.MultiplyAdd(p, z, Vector256.Create(1.333276974e-1f));
        p = Fma.MultiplyAdd(p, z, Vector256.Create(-3.333332894e-1f));
        var near = Fma.MultiplyAdd(p * z, x, x);

        var e = Exp(magnitude + magnitude);
        var far = Vector256<float>.One - Vector256.Create(2.0f) / (e + Vector256<float>.One);
        far |= x & Vector256.Create(-0.0f);
        return Avx.BlendVariable(far, near, Vector256.LessThan(magnitude, Vector256.Create(0.625f)));
    }

    /// <summary>1 / (1 + e^-x). 3 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Sigmoid(Vector256<float> x) => Vector256<float>.One / (Vector256<float>.One + Exp(-x));

    /// <summary>erfc |x|, the complementary error function. 8 ulp while the result is normal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ErrorFunctionComplementOfMagnitude(Vector256<float> x)
    {
        // Past 10.5 the result is 0 in f32.
        var t = Avx.Min(Vector256.Abs(x), Vector256.Create(10.5f));
        // e^(t²) erfc t = u P(u), u = 3 / (3 + t), P of degree 9 on t in [0, 10]: 5e-9.
        var u = Vector256.Create(3.0f) / (t + Vector256.Create(3.0f));
        var p = Fma.MultiplyAdd(Vector256.Create(5.704096532e-2f), u, Vector256.Create(-2.993730934e-1f));
        p = Fma.MultiplyAdd(p, u, Vector256.Create(5.528358778e-1f));
        p = Fma.MultiplyAdd(p, u, Vector256.Create(-4.642043544e-1f));
        p = Fma.MultiplyAdd(p, u, Vector256.Create(4.228917418e-1f));
        p = Fma.MultiplyAdd(p, u, Vector256.Create(-1.248239662e-2f));
        p = Fma.MultiplyAdd(p, u, Vector256.Create(1.958655789e-1f));
        p = Fma.MultiplyAdd(p, u, Vector256.Create(1.706077573e-1f));
        p = Fma.MultiplyAdd(p, u, Vector256.Create(1.887875917e-1f));
        p = Fma.MultiplyAdd(p, u, Vector256.Create(1.880303332e-1f));
        // t² is rounded; e^-(t² + rest) = e^-t² (1 - rest) to the same accuracy.
        var square = t * t;
        var rest = Fma.MultiplySubtract(t, t, square);
        var e = Exp(-square);
        return Fma.MultiplyAddNegated(e, rest, e) * (p * u);
    }

    /// <summary>Sum of the eight lanes, in one fixed order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector256<float> v) => Sum(v.GetLower() + v.GetUpper());

    /// <summary>Sum of the four lanes, in one fixed order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector128<float> four)
    {
        var two = four + Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1));
        return two.GetElement(0) + two.GetElement(1);
    }

    /// <summary>Largest of the eight lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector256<float> v) => Max(Vector128.MaxNative(v.GetLower(), v.GetUpper()));

    /// <summary>Largest of the four lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector128<float> four)
    {
        var two = Vector128.MaxNative(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(two.GetElement(0), two.GetElement(1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> PowerOfTwo(Vector256<int> exponent) =>
        ((exponent + Vector256.Create(127)) << 23).AsSingle();
}
