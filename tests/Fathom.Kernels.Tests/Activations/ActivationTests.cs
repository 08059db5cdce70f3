using Fathom.Kernels.Activations;

namespace Fathom.Kernels.Tests.Activations;

[Trait("Category", InstructionSetTests.Kernel)]
public sealed class ActivationTests
{
    private delegate void Unary(ReadOnlySpan<float> x, Span<float> y);

    private delegate void Binary(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> z);

    private static readonly (string Name, Unary Apply, Func<double, double> Exact)[] Unaries =
    [
        ("silu", Activation.Silu, x => x / (1 + Math.Exp(-x))),
        ("gelu", Activation.Gelu, ExactGelu),
        ("gelu tanh", Activation.GeluTanh, ExactGeluTanh),
        ("soft cap", (x, y) => Activation.SoftCap(x, 30, y), x => 30 * Math.Tanh(x / 30)),
        ("scale", (x, y) => Activation.Scale(x, 3, y), x => 3 * x),
    ];

    [Fact]
    public void Unary_EveryLength_MatchesDoublePrecision()
    {
        foreach (var (name, apply, exact) in Unaries)
        {
            foreach (var length in new[] { 0, 1, 7, 8, 9, 31, 1000 })
            {
                var x = Values(length, length);
                var y = new float[length];
                apply(x, y);
                for (var i = 0; i < length; i++)
                {
                    // A few roundings of quantities no larger than |x|, and 3 ulp of the result.
                    var tolerance = 4e-7 * Math.Abs(exact(x[i])) + 1e-7 * Math.Min(Math.Abs(x[i]), 1);
                    Assert.True(Math.Abs(y[i] - exact(x[i])) <= tolerance, $"{name} of {x[i]}: {y[i]}, not {exact(x[i])}");
                }
            }
        }
    }

    [Fact]
    public void Unary_InPlaceAndByParts_GivesTheSameBits()
    {
        foreach (var (_, apply, _) in Unaries)
        {
            var x = Values(3, 77);
            var whole = new float[77];
            apply(x, whole);
            foreach (var cut in new[] { 1, 5, 8, 40, 76 })
            {
                float[] parts = [.. x];
                apply(parts.AsSpan(0, cut), parts.AsSpan(0, cut));
                apply(parts.AsSpan(cut), parts.AsSpan(cut));
                Assert.Equal(whole, parts);
            }
        }
    }

    [Fact]
    public void Gated_EveryLength_MatchesDoublePrecision()
    {
        (Binary Apply, Func<double, double> Gate)[] gates =
            [(Activation.SwiGlu, x => x / (1 + Math.Exp(-x))), (Activation.GeGlu, ExactGeluTanh)];
        foreach (var (apply, gate) in gates)
        {
            foreach (var length in new[] { 1, 8, 13, 500 })
            {
                float[] x = Values(1, length), y = Values(2, length), z = new float[length];
                apply(x, y, z);
                for (var i = 0; i < length; i++)
                {
                    var tolerance = (4e-7 * Math.Abs(gate(x[i])) + 1e-7 * Math.Min(Math.Abs(x[i]), 1)) * Math.Abs(y[i]);
                    Assert.InRange(z[i], gate(x[i]) * y[i] - tolerance, gate(x[i]) * y[i] + tolerance);
                }
            }
        }
    }

    [Fact]
    public void ScalarTwins_MatchTheVectors()
    {
        float[] x = Values(1, 501), up = Values(2, 501), scalar = new float[501], vector = new float[501];
        Compare(default(SiluOperator));
        Compare(default(GeluOperator));
        Compare(default(GeluTanhOperator));
        Compare(new SoftCapOperator(30));
        Elementwise.MapScalar(default(GatedOperator<SiluOperator>), x, up, scalar);
        Activation.SwiGlu(x, up, vector);
        AssertClose();

        void Compare<T>(T op)
            where T : struct, IUnaryOperator
        {
            Elementwise.MapScalar(op, x, scalar);
            Elementwise.Map(op, x, vector);
            AssertClose();
        }

        void AssertClose()
        {
            for (var i = 0; i < x.Length; i++)
                Assert.True(Math.Abs(scalar[i] - vector[i]) <= 1e-6 * (Math.Abs(scalar[i]) + 1e-2), $"{x[i]}: {scalar[i]} {vector[i]}");
        }
    }

    [Fact]
    public void Add_Sums_AndRefusesOtherLengths()
    {
        float[] a = [1, 2, 3], b = [10, 20, 30];
        Activation.Add(a, b, a);
        Assert.Equal([11, 22, 33], a);
        Assert.Throws<ArgumentException>(() => Activation.Add(new float[2], new float[3], new float[3]));
        Assert.Throws<ArgumentException>(() => Activation.Silu(new float[2], new float[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Activation.SoftCap(new float[2], 0, new float[2]));
    }

    private static float[] Values(int seed, int length)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => (float)(random.NextDouble() * 24 - 12))];
    }

    private static double ExactGelu(double x)
    {
        var tail = ScalarMath.ErrorFunctionComplement(Math.Abs(x) / Math.Sqrt(2)) / 2;
        return x * (x < 0 ? tail : 1 - tail);
    }

    private static double ExactGeluTanh(double x) =>
        x / (1 + Math.Exp(-2 * Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
}
