using System.Runtime.Intrinsics;
using Fathom.Kernels.Activations;

namespace Fathom.Kernels.Tests.Activations;

[Trait("Category", InstructionSetTests.Kernel)]
public sealed class VectorMathTests
{
    [SkippableFact]
    public void Exp_OverItsRange_IsWithinOneAndAHalfUlp()
    {
        Skip.IfNot(VectorMath.IsSupported, "needs AVX2 and FMA");
        // Subnormal results are rounded twice: by the last factor, on top of the polynomial's own error.
        Assert.True(WorstUlp(-87, 88.7f, VectorMath.Exp, Math.Exp) < 1.5);
        Assert.True(WorstUlp(-104, -87, VectorMath.Exp, Math.Exp) < 2);
        Assert.True(WorstUlp(-1e-3f, 1e-3f, VectorMath.Exp, Math.Exp) < 1);
    }

    [SkippableFact]
    public void Exp_AtItsEdges_IsZeroInfinityOrNaN()
    {
        Skip.IfNot(VectorMath.IsSupported, "needs AVX2 and FMA");
        Assert.Equal(0, At(VectorMath.Exp, float.NegativeInfinity));
        Assert.Equal(0, At(VectorMath.Exp, -1000));
        Assert.Equal(float.PositiveInfinity, At(VectorMath.Exp, 88.8f));
        Assert.Equal(float.PositiveInfinity, At(VectorMath.Exp, float.PositiveInfinity));
        Assert.Equal(float.NaN, At(VectorMath.Exp, float.NaN));
        Assert.Equal(1, At(VectorMath.Exp, 0));
    }

    [SkippableFact]
    public void Tanh_OverItsRange_IsWithinTwoUlp()
    {
        Skip.IfNot(VectorMath.IsSupported, "needs AVX2 and FMA");
        Assert.True(WorstUlp(-12, 12, VectorMath.Tanh, Math.Tanh) < 2);
        Assert.True(WorstUlp(-0.7f, 0.7f, VectorMath.Tanh, Math.Tanh) < 2);
        Assert.Equal(1, At(VectorMath.Tanh, float.PositiveInfinity));
        Assert.Equal(-1, At(VectorMath.Tanh, -100));
        Assert.Equal(float.NaN, At(VectorMath.Tanh, float.NaN));
    }

    [SkippableFact]
    public void ErrorFunctionComplement_OverItsRange_IsWithinEightUlp()
    {
        Skip.IfNot(VectorMath.IsSupported, "needs AVX2 and FMA");
        Assert.InRange(WorstUlp(0, 9, VectorMath.ErrorFunctionComplementOfMagnitude, ScalarMath.ErrorFunctionComplement), 0, 8);
        Assert.Equal(0, At(VectorMath.ErrorFunctionComplementOfMagnitude, 50));
    }

    // Published values: Abramowitz and Stegun, table 7.1 and 7.3.
    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.5, 0.4795001221869535)]
    [InlineData(1, 0.1572992070502851)]
    [InlineData(1.5, 0.033894853524689274)]
    [InlineData(2, 0.004677734981047266)]
    [InlineData(3, 2.209049699858544e-5)]
    [InlineData(5, 1.537459794428035e-12)]
    public void ScalarErrorFunctionComplement_PublishedValues_Agree(double x, double expected) =>
        Assert.InRange(ScalarMath.ErrorFunctionComplement(x) / expected, 1 - 1e-10, 1 + 1e-10);

    private static float At(Func<Vector256<float>, Vector256<float>> function, float x) => function(Vector256.Create(x))[3];

    private static double WorstUlp(
        float low, float high, Func<Vector256<float>, Vector256<float>> function, Func<double, double> exact)
    {
        var worst = 0.0;
        const int Steps = 200_000;
        for (var i = 0; i < Steps; i++)
        {
            var x = low + (high - low) * ((float)i / Steps);
            var expected = exact(x);
            var ulp = Math.Max(MathF.BitIncrement(MathF.Abs((float)expected)) - MathF.Abs((float)expected), float.Epsilon);
            worst = Math.Max(worst, Math.Abs(At(function, x) - expected) / ulp);
        }
        return worst;
    }
}
