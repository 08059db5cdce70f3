using BenchmarkDotNet.Attributes;
using Fathom.Kernels.Formats;
using Fathom.Kernels.MatrixProducts;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Microbenchmarks;

/// <summary>A product of 2,048 x 2,048 weights with rows of activations, on one thread and on all.</summary>
[Config(typeof(KernelBenchmarkConfig))]
public class ProductBenchmark : IDisposable
{
    private const int Rows = 2048;
    private const int Columns = 2048;

    private readonly float[] _row = new float[Columns];
    private ComputePool _pool = null!;
    private MatrixWorkspace _workspace = null!;
    private NativeBuffer _source = null!;
    private WeightMatrix _weights = null!;
    private float[] _x = [];
    private float[] _y = [];

    /// <summary>How the weights are stored.</summary>
    [Params(TensorType.F32, TensorType.F16, TensorType.BF16, TensorType.Q8_0, TensorType.Q4_0, TensorType.Q4_K, TensorType.Q6_K)]
    public TensorType Type { get; set; }

    /// <summary>Rows of activations.</summary>
    [Params(1, 4, 16, 64, 512)]
    public int Tokens { get; set; }

    /// <summary>Threads of the kernel; the naive loop has one.</summary>
    [ParamsSource(nameof(ThreadCounts))]
    public int Threads { get; set; }

    /// <summary>One thread, and one a processor.</summary>
    public static IEnumerable<int> ThreadCounts => new[] { 1, Environment.ProcessorCount }.Distinct();

    private long RowBytes => BlockFormat.Get(Type).RowBytes(Columns);

    /// <summary>Makes weights, and checks the kernel against the naive loop.</summary>
    [GlobalSetup]
    public void Pack()
    {
        var random = new Random(1);
        _pool = new ComputePool(Threads);
        _workspace = new MatrixWorkspace();
        _source = NativeBuffer.Allocate(Rows * RowBytes);
        for (var row = 0; row < Rows; row++)
        {
            for (var k = 0; k < Columns; k++)
                _row[k] = random.NextSingle() - 0.5f;
            BlockCodec.Encode(Type, _row, _source.View.Slice(row * RowBytes, RowBytes).AsSpan<byte>());
        }
        _weights = WeightMatrix.Pack(Type, Rows, Columns, _source.View, _pool);
        _x = [.. Enumerable.Range(0, Tokens * Columns).Select(_ => random.NextSingle() - 0.5f)];
        _y = new float[Tokens * Rows];
        Naive();
        var expected = _y.ToArray();
        Packed();
        Agreement.Check(expected, _y, 0.02);
    }

    /// <summary>Frees what <see cref="Pack"/> took.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        _weights.Dispose();
        _source.Dispose();
        _workspace.Dispose();
        _pool.Dispose();
    }

    /// <summary>Decodes a row, then multiplies value by value.</summary>
    [Benchmark(Baseline = true)]
    public void Naive()
    {
        for (var row = 0; row < Rows; row++)
        {
            BlockCodec.Decode(Type, _source.View.Slice(row * RowBytes, RowBytes).AsSpan<byte>(), _row);
            for (var t = 0; t < Tokens; t++)
            {
                var sum = 0f;
                for (var k = 0; k < Columns; k++)
                    sum += _row[k] * _x[t * Columns + k];
                _y[t * Rows + row] = sum;
            }
        }
    }

    /// <summary>The kernel.</summary>
    [Benchmark]
    public void Packed() => MatrixProduct.Multiply(_pool, _weights, _x, _y, Tokens, _workspace);
}
