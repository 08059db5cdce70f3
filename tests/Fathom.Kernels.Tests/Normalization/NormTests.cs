using Fathom.Kernels.Activations;
using Fathom.Kernels.Normalization;
using Fathom.Kernels.Tests.Attention;

namespace Fathom.Kernels.Tests.Normalization;

[Trait("Category", InstructionSetTests.Kernel)]
public sealed class NormTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 7)]
    [InlineData(5, 64)]
    [InlineData(2, 100)]
    [InlineData(3, 4096)]
    public void RmsNorm_AnyShape_MatchesDoublePrecision(int rows, int columns)
    {
        var (x, w, _) = Inputs(rows, columns);
        float[] y = new float[x.Length], scalar = new float[x.Length];
        RmsNorm.Apply(x, w, 1e-5f, y);
        RmsNorm.ApplyScalar(x, w, 1e-5f, scalar);
        for (var r = 0; r < rows; r++)
        {
            var row = x.AsSpan(r * columns, columns).ToArray();
            var scale = 1 / Math.Sqrt(row.Sum(v => (double)v * v) / columns + 1e-5f);
            // The sum of squares has relative error below columns · 2^-24 (scalar, worst case) and is halved by the root.
            var tolerance = 3e-7 + columns * 3e-8;
            for (var i = 0; i < columns; i++)
            {
                AssertClose(row[i] * scale * w[i], y[r * columns + i], tolerance);
                AssertClose(row[i] * scale * w[i], scalar[r * columns + i], tolerance);
            }
        }
    }

    [Theory]
    [InlineData(1, 3, true)]
    [InlineData(3, 768, true)]
    [InlineData(3, 768, false)]
    [InlineData(2, 77, true)]
    public void LayerNorm_AnyShape_MatchesDoublePrecision(int rows, int columns, bool bias)
    {
        var (x, w, b) = Inputs(rows, columns);
        if (!bias)
            b = [];
        float[] y = new float[x.Length], scalar = new float[x.Length];
        LayerNorm.Apply(x, w, b, 1e-5f, y);
        LayerNorm.ApplyScalar(x, w, b, 1e-5f, scalar);
        for (var r = 0; r < rows; r++)
        {
            var row = x.AsSpan(r * columns, columns).ToArray();
            var mean = row.Average(v => (double)v);
            var scale = 1 / Math.Sqrt(row.Sum(v => (v - mean) * (v - mean)) / columns + 1e-5f);
            for (var i = 0; i < columns; i++)
            {
                var expected = (row[i] - mean) * scale * w[i] + (bias ? b[i] : 0);
                // Rounding of the mean moves every value by up to columns · 2^-24 of the largest: absolute.
                Assert.InRange(y[r * columns + i], expected - 2e-5, expected + 2e-5);
                Assert.InRange(scalar[r * columns + i], expected - 2e-5, expected + 2e-5);
            }
        }
    }

    [Fact]
    public void Norms_InPlaceOrRowByRow_GiveTheSameBits()
    {
        var (x, w, b) = Inputs(5, 100);
        float[] rms = new float[500], layer = new float[500], inPlace = [.. x];
        RmsNorm.Apply(x, w, 1e-6f, rms);
        LayerNorm.Apply(x, w, b, 1e-6f, layer);
        RmsNorm.Apply(inPlace, w, 1e-6f, inPlace);
        Assert.Equal(rms, inPlace);
        for (var r = 0; r < 5; r++)
        {
            var row = new float[100];
            RmsNorm.Apply(x.AsSpan(r * 100, 100), w, 1e-6f, row);
            Assert.Equal(rms[(r * 100)..(r * 100 + 100)], row);
            LayerNorm.Apply(x.AsSpan(r * 100, 100), w, b, 1e-6f, row);
            Assert.Equal(layer[(r * 100)..(r * 100 + 100)], row);
        }
    }

    [Fact]
    public void AddAndApply_EqualsItsSteps()
    {
        var (x, w, _) = Inputs(3, 40);
        var delta = AttentionScenario.Normals(new Random(9), 120, 1);
        float[] residual = [.. x], y = [.. delta], expected = new float[120], sum = new float[120];
        Activation.Add(x, delta, sum);
        RmsNorm.Apply(sum, w, 1e-6f, expected);
        RmsNorm.AddAndApply(residual, y, w, 1e-6f, y);
        Assert.Equal(sum, residual);
        Assert.Equal(expected, y);
    }

    [Fact]
    public void Norms_OfPartialRows_AreRefused()
    {
        Assert.Throws<ArgumentException>(() => RmsNorm.Apply(new float[7], new float[4], 0, new float[7]));
        Assert.Throws<ArgumentException>(() => RmsNorm.Apply(new float[8], new float[4], 0, new float[4]));
        Assert.Throws<ArgumentException>(() => RmsNorm.Apply(new float[8], [], 0, new float[8]));
        Assert.Throws<ArgumentException>(() => LayerNorm.Apply(new float[8], new float[4], new float[3], 0, new float[8]));
        Assert.Throws<ArgumentException>(() => LayerNorm.Apply(new float[6], new float[4], [], 0, new float[6]));
    }

    [Fact]
    public void Norms_AllocateNothing()
    {
        var (x, w, b) = Inputs(4, 100);
        Assert.Equal(0, Allocations.OfWarm(Round));

        void Round()
        {
            RmsNorm.Apply(x, w, 1e-6f, x);
            LayerNorm.Apply(x, w, b, 1e-6f, x);
            Activation.SwiGlu(x, x, x);
            Softmax.Apply(x);
        }
    }

    private static (float[] X, float[] W, float[] B) Inputs(int rows, int columns)
    {
        var random = new Random(rows * 10000 + columns);
        return (AttentionScenario.Normals(random, rows * columns, 2), AttentionScenario.Normals(random, columns, 1),
            AttentionScenario.Normals(random, columns, 1));
    }

    private static void AssertClose(double expected, float actual, double relative) =>
        Assert.True(Math.Abs(actual - expected) <= relative * Math.Abs(expected), $"{actual}, not {expected}");
}
