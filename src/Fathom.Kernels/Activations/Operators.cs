using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.Activations;

internal readonly struct SiluOperator : IUnaryOperator
{
    public float Invoke(float x) => x / (1 + MathF.Exp(-x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Invoke(Vector256<float> x) => x / (Vector256<float>.One + VectorMath.Exp(-x));
}

/// <summary>x Φ(x) with the error function.</summary>
internal readonly struct GeluOperator : IUnaryOperator
{
    private const float InverseSqrtTwo = 0.70710678118654752f;

    public float Invoke(float x)
    {
        var upper = 0.5 * ScalarMath.ErrorFunctionComplement(Math.Abs((double)x) * InverseSqrtTwoDouble);
        return (float)(x * (x < 0 ? upper : 1 - upper));
    }

    private const double InverseSqrtTwoDouble = 0.70710678118654752;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Invoke(Vector256<float> x)
    {
        // Φ(x) = erfc(-x/√2) / 2: of the tail directly when x is negative, so nothing cancels.
        var upper = Vector256.Create(0.5f) *
            VectorMath.ErrorFunctionComplementOfMagnitude(x * Vector256.Create(InverseSqrtTwo));
        return x * Avx.BlendVariable(Vector256<float>.One - upper, upper, x);
    }
}

/// <summary>x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))), written as x times the sigmoid of twice the argument.</summary>
internal readonly struct GeluTanhOperator : IUnaryOperator
{
    private const float TwiceSqrtTwoOverPi = 1.5957691216057308f;
    private const float Cubic = 0.044715f;

    public float Invoke(float x) => x / (1 + MathF.Exp(-TwiceSqrtTwoOverPi * (x + Cubic * x * x * x)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Invoke(Vector256<float> x)
    {
        // (1 + tanh a) / 2 = sigmoid(2a): one exponential and no cancellation where tanh nears -1.
        var inner = Fma.MultiplyAdd(x * x * Vector256.Create(Cubic), x, x);
        return x / (Vector256<float>.One + VectorMath.Exp(inner * Vector256.Create(-TwiceSqrtTwoOverPi)));
    }
}

/// <summary>cap tanh(x / cap).</summary>
internal readonly struct SoftCapOperator(float cap) : IUnaryOperator
{
    private readonly float _cap = cap;
    private readonly float _inverse = 1 / cap;

    public float Invoke(float x) => _cap * MathF.Tanh(x * _inverse);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Invoke(Vector256<float> x) =>
        Vector256.Create(_cap) * VectorMath.Tanh(x * Vector256.Create(_inverse));
}

internal readonly struct ScaleOperator(float factor) : IUnaryOperator
{
    private readonly float _factor = factor;

    public float Invoke(float x) => x * _factor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Invoke(Vector256<float> x) => x * Vector256.Create(_factor);
}

internal readonly struct AddOperator : IBinaryOperator
{
    public float Invoke(float x, float y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Invoke(Vector256<float> x, Vector256<float> y) => x + y;
}

/// <summary>gate(x) y for any gate.</summary>
internal readonly struct GatedOperator<TGate> : IBinaryOperator
    where TGate : struct, IUnaryOperator
{
    public float Invoke(float x, float y) => default(TGate).Invoke(x) * y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Invoke(Vector256<float> x, Vector256<float> y) => default(TGate).Invoke(x) * y;
}
