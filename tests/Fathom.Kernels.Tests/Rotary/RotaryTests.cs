using Fathom.Kernels.Rotary;
using Fathom.Kernels.Tests.Attention;

namespace Fathom.Kernels.Tests.Rotary;

[Trait("Category", InstructionSetTests.Kernel)]
public sealed class RotaryTests
{
    [Theory]
    [InlineData(RotaryLayout.Interleaved, 64, 64)]
    [InlineData(RotaryLayout.HalfSplit, 64, 64)]
    [InlineData(RotaryLayout.Interleaved, 80, 20)]
    [InlineData(RotaryLayout.HalfSplit, 80, 20)]
    [InlineData(RotaryLayout.HalfSplit, 6, 2)]
    [InlineData(RotaryLayout.Interleaved, 96, 48)]
    public void Apply_AnyShape_MatchesComplexRotation(RotaryLayout layout, int headDim, int rotaryDims)
    {
        int[] positions = [0, 1, 7, 4095, 131071];
        var table = new RotaryTable(RotaryFrequencies.Create(rotaryDims, 500000, layout));
        table.SetPositions(positions);
        var x = AttentionScenario.Normals(new Random(headDim), positions.Length * 3 * headDim, 1);
        float[] y = [.. x], scalar = [.. x];
        table.Apply(y, 3, headDim);
        for (var t = 0; t < positions.Length; t++)
        {
            for (var h = 0; h < 3; h++)
            {
                var head = (t * 3 + h) * headDim;
                var pairs = rotaryDims / 2;
                var angles = Enumerable.Range(0, pairs).Select(i => positions[t] * Math.Pow(500000, -2.0 * i / rotaryDims)).ToArray();
                RotaryTable.RotateScalar(
                    scalar.AsSpan(head, rotaryDims), [.. angles.Select(a => (float)Math.Cos(a))], [.. angles.Select(a => (float)Math.Sin(a))], layout);
                for (var i = 0; i < pairs; i++)
                {
                    var (first, second) = layout == RotaryLayout.HalfSplit ? (i, i + pairs) : (2 * i, 2 * i + 1);
                    var turned = new System.Numerics.Complex(x[head + first], x[head + second]) *
                        System.Numerics.Complex.FromPolarCoordinates(1, angles[i]);
                    // Three roundings of numbers no larger than 5.
                    AssertClose(turned.Real, y[head + first], scalar[head + first]);
                    AssertClose(turned.Imaginary, y[head + second], scalar[head + second]);
                }
                Assert.Equal(x[(head + rotaryDims)..(head + headDim)], y[(head + rotaryDims)..(head + headDim)]);
            }
        }

        static void AssertClose(double expected, float vector, float scalar)
        {
            Assert.InRange(vector, expected - 1e-6, expected + 1e-6);
            Assert.InRange(scalar, expected - 1e-6, expected + 1e-6);
        }
    }

    [Fact]
    public void Apply_TokenByToken_GivesTheSameBits()
    {
        var table = new RotaryTable(RotaryFrequencies.Create(40, 10000, RotaryLayout.HalfSplit));
        var x = AttentionScenario.Normals(new Random(1), 4 * 2 * 40, 1);
        float[] whole = [.. x], single = [.. x];
        table.SetPositions([5, 6, 7, 8]);
        table.Apply(whole, 2, 40);
        for (var t = 0; t < 4; t++)
        {
            table.SetPositions([5 + t]);
            table.Apply(single.AsSpan(t * 80, 80), 2, 40);
        }
        Assert.Equal(whole, single);
    }

    [Fact]
    public void ScaleLlama3_KeepsShortWavelengthsAndDividesLongOnes()
    {
        // Llama 3.1: factor 8, low 1, high 4, original context 8192. The bounds in wavelengths are 8192 and 2048.
        var plain = RotaryFrequencies.Create(128, 500000, RotaryLayout.HalfSplit);
        var scaled = plain.ScaleLlama3(8, 1, 4, 8192);
        for (var i = 0; i < 64; i++)
        {
            var radians = plain.RadiansPerPosition[i];
            var wavelength = 2 * Math.PI / radians;
            var smooth = (8192 / wavelength - 1) / 3;
            var expected = wavelength < 2048 ? radians : wavelength > 8192 ? radians / 8 : (1 - smooth) * radians / 8 + smooth * radians;
            Assert.Equal(expected, scaled.RadiansPerPosition[i], 1e-15);
        }
        // A GGUF file stores the same as one factor for each pair.
        var factors = Enumerable.Range(0, 64).Select(i => (float)(plain.RadiansPerPosition[i] / scaled.RadiansPerPosition[i])).ToArray();
        var divided = plain.DivideBy(factors);
        for (var i = 0; i < 64; i++)
            Assert.InRange(divided.RadiansPerPosition[i] / scaled.RadiansPerPosition[i], 1 - 1e-7, 1 + 1e-7);
    }

    [Fact]
    public void ScaleYarn_RampsBetweenItsBounds()
    {
        // Qwen 2.5 with factor 4: base 1,000,000, 128 dims, original context 32,768.
        // Pair of n turns: 128 ln(32768 / (2 pi n)) / (2 ln 1e6): n = 32 gives 23.6, rounded down; n = 1 gives 39.7, rounded up.
        var plain = RotaryFrequencies.Create(128, 1e6, RotaryLayout.HalfSplit);
        var scaled = plain.ScaleYarn(4, 32768, 1e6);
        for (var i = 0; i < 64; i++)
        {
            var interpolated = Math.Clamp((i - 23) / 17.0, 0, 1);
            var expected = plain.RadiansPerPosition[i] * (1 - interpolated + interpolated / 4);
            Assert.InRange(scaled.RadiansPerPosition[i] / expected, 1 - 1e-12, 1 + 1e-12);
        }
        Assert.Equal(0.1 * Math.Log(4) + 1, scaled.AttentionFactor, 1e-12);
        Assert.Equal(2.5, plain.ScaleYarn(4, 32768, 1e6, attentionFactor: 2.5).AttentionFactor, 1e-12);
    }

    [Fact]
    public void ScaleLinearlyAndAttentionFactor_ReachTheAngles()
    {
        var frequencies = RotaryFrequencies.Create(4, 10000, RotaryLayout.Interleaved).ScaleLinearly(2);
        var halved = new RotaryTable(frequencies.DivideBy([1, 1], attentionFactor: 1.5));
        halved.SetPositions([6]);
        float[] x = [1, 0, 0, 1];
        halved.Apply(x, 1, 4);
        Assert.Equal(1.5 * Math.Cos(3), x[0], 1e-6);
        Assert.Equal(1.5 * Math.Sin(3), x[1], 1e-6);
        Assert.Equal(-1.5 * Math.Sin(0.03), x[2], 1e-6);
        Assert.Equal(1.5 * Math.Cos(0.03), x[3], 1e-6);
    }

    [Fact]
    public void LongRopeAttentionFactor_OfPhi3_IsAsPublished()
    {
        // Phi-3 mini 128k: context 131,072 from 4,096: sqrt(1 + ln 32 / ln 4096) = sqrt(1 + 5/12).
        Assert.Equal(Math.Sqrt(1 + 5.0 / 12), RotaryFrequencies.LongRopeAttentionFactor(131072, 4096), 1e-12);
        Assert.Equal(1, RotaryFrequencies.LongRopeAttentionFactor(4096, 4096));
    }

    [Fact]
    public void Parameters_OutOfRange_AreRefused()
    {
        var plain = RotaryFrequencies.Create(8, 10000, RotaryLayout.Interleaved);
        Assert.Throws<ArgumentOutOfRangeException>(() => RotaryFrequencies.Create(7, 10000, RotaryLayout.Interleaved));
        Assert.Throws<ArgumentOutOfRangeException>(() => RotaryFrequencies.Create(8, double.NaN, RotaryLayout.Interleaved));
        Assert.Throws<ArgumentOutOfRangeException>(() => plain.ScaleLinearly(0));
        Assert.Throws<ArgumentException>(() => plain.DivideBy([1, 2, 3]));
        Assert.Throws<ArgumentException>(() => plain.DivideBy([1, 2, 0, 4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => plain.ScaleLlama3(8, 4, 4, 8192));
        Assert.Throws<ArgumentOutOfRangeException>(() => plain.ScaleYarn(4, -1, 10000));
        var table = new RotaryTable(plain);
        table.SetPositions([1, 2]);
        Assert.Throws<ArgumentException>(() => table.Apply(new float[3 * 8], 1, 8));
        Assert.Throws<ArgumentException>(() => table.Apply(new float[8], 1, 8, firstToken: 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => table.Apply(new float[4], 1, 4));
        Assert.Throws<ArgumentException>(() => table.Apply(new float[9], 1, 8));
    }
}
