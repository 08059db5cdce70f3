using Fathom.Kernels.Activations;

namespace Fathom.Kernels.Tests.Activations;

[Trait("Category", InstructionSetTests.Kernel)]
public sealed class SoftmaxTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 5)]
    [InlineData(8, 100)]
    [InlineData(1003, 10)]
    [InlineData(50257, 30)]
    public void Apply_AnyLength_MatchesDoublePrecision(int length, float spread)
    {
        var random = new Random(length);
        var x = Enumerable.Range(0, length).Select(_ => spread * (float)(random.NextDouble() - 0.5) + 500).ToArray();
        var max = x.Max();
        var sum = x.Sum(v => Math.Exp((double)v - max));
        Assert.Equal(max + Math.Log(sum), Softmax.LogSumExp(x), 1e-4);
        foreach (var scalar in new[] { false, true })
        {
            float[] y = [.. x];
            if (scalar)
                Softmax.ApplyScalar(y);
            else
                Softmax.Apply(y);
            for (var i = 0; i < length; i++)
            {
                var expected = Math.Exp((double)x[i] - max) / sum;
                Assert.InRange(y[i], expected * (1 - 5e-7), expected * (1 + 5e-7) + 1e-38);
            }
        }
    }

    [Fact]
    public void Apply_ExcludedValues_GetNothing()
    {
        float[] x = [float.NegativeInfinity, 1, float.NegativeInfinity, 1];
        Softmax.Apply(x);
        Assert.Equal([0, 0.5f, 0, 0.5f], x);
        float[] none = [float.NegativeInfinity, float.NegativeInfinity];
        Assert.Equal(float.NegativeInfinity, Softmax.LogSumExp(none));
        Softmax.Apply(none);
        Assert.Equal([0, 0], none);
        Assert.Equal(float.NegativeInfinity, Softmax.LogSumExp([]));
    }
}
