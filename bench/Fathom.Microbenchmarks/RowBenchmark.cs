using BenchmarkDotNet.Attributes;
using Fathom.Kernels.Activations;
using Fathom.Kernels.Normalization;

namespace Fathom.Microbenchmarks;

/// <summary>What happens between two products, on one row of the 1b shape: RMS norm of 2,048 values, SwiGLU of 5,632.</summary>
[Config(typeof(KernelBenchmarkConfig))]
[GroupBenchmarksBy(BenchmarkDotNet.Configs.BenchmarkLogicalGroupRule.ByCategory)]
[CategoriesColumn]
public class RowBenchmark
{
    private const float Epsilon = 1e-5f;

    private readonly float[] _x = Uniform(2048, 1);
    private readonly float[] _weight = Uniform(2048, 2);
    private readonly float[] _normed = new float[2048];
    private readonly float[] _gate = Uniform(5632, 3);
    private readonly float[] _up = Uniform(5632, 4);
    private readonly float[] _product = new float[5632];

    /// <summary>Checks the kernels against the naive loops.</summary>
    [GlobalSetup]
    public void Check()
    {
        NaiveNorm();
        var normed = _normed.ToArray();
        Norm();
        Agreement.Check(normed, _normed, 1e-5);
        NaiveSwiGlu();
        var product = _product.ToArray();
        SwiGlu();
        Agreement.Check(product, _product, 1e-5);
    }

    /// <summary>x·w / sqrt(mean x² + ε), value by value.</summary>
    [Benchmark(Baseline = true), BenchmarkCategory("RMS norm")]
    public void NaiveNorm()
    {
        var squares = 0f;
        foreach (var x in _x)
            squares += x * x;
        var scale = 1 / MathF.Sqrt(squares / _x.Length + Epsilon);
        for (var i = 0; i < _x.Length; i++)
            _normed[i] = _x[i] * scale * _weight[i];
    }

    /// <summary>The kernel.</summary>
    [Benchmark, BenchmarkCategory("RMS norm")]
    public void Norm() => RmsNorm.Apply(_x, _weight, Epsilon, _normed);

    /// <summary>gate / (1 + e^-gate) · up, value by value.</summary>
    [Benchmark(Baseline = true), BenchmarkCategory("SwiGLU")]
    public void NaiveSwiGlu()
    {
        for (var i = 0; i < _gate.Length; i++)
            _product[i] = _gate[i] / (1 + MathF.Exp(-_gate[i])) * _up[i];
    }

    /// <summary>The kernel.</summary>
    [Benchmark, BenchmarkCategory("SwiGLU")]
    public void SwiGlu() => Activation.SwiGlu(_gate, _up, _product);

    private static float[] Uniform(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => 8 * random.NextSingle() - 4)];
    }
}
