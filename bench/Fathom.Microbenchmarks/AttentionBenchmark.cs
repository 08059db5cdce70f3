using BenchmarkDotNet.Attributes;
using Fathom.Kernels.Attention;
using Fathom.Kernels.Parallelism;

namespace Fathom.Microbenchmarks;

/// <summary>One token's attention over 4,096 positions, 32 heads on 4 key-value heads of 64 dimensions, keys and values from memory.</summary>
[Config(typeof(KernelBenchmarkConfig))]
public class AttentionBenchmark : IDisposable
{
    private const int Heads = 32;
    private const int KvHeads = 4;
    private const int HeadDim = 64;
    private const int Context = 4096;

    // In turns, so that no cache keeps a layer until it is asked for again.
    private const int Layers = 24;

    private readonly float[] _query = Uniform(Heads * HeadDim, 1);
    private readonly float[] _keys = Uniform(Context * KvHeads * HeadDim, 2);
    private readonly float[] _values = Uniform(Context * KvHeads * HeadDim, 3);
    private readonly float[] _output = new float[Heads * HeadDim];
    private readonly double[] _weights = new double[Context];
    private readonly AttentionOptions _options = new(1 / MathF.Sqrt(HeadDim));
    private ComputePool _pool = null!;
    private PagedAttention _attention = null!;
    private KvStorage _storage = null!;
    private int _layer;

    /// <summary>How keys and values are stored.</summary>
    [Params(KvType.F16, KvType.Q8_0)]
    public KvType Type { get; set; }

    /// <summary>Threads of the kernel; the naive loop has one.</summary>
    [Params(1, 2)]
    public int Threads { get; set; }

    /// <summary>Stores the keys and values in every layer and checks the kernel against the naive loop.</summary>
    [GlobalSetup]
    public void Store()
    {
        _pool = new ComputePool(Threads);
        _attention = new PagedAttention(_pool, Heads, KvHeads, HeadDim);
        _storage = new KvStorage(Layers, Context / KvStorage.BlockTokens, KvHeads, HeadDim, Type);
        int[] table = [.. Enumerable.Range(0, Context / KvStorage.BlockTokens)];
        _attention.SetBatch([new AttentionSequence(0, Context, 0, 0, table.Length)], table);
        for (var layer = 0; layer < Layers; layer++)
            _attention.Append(_storage, layer, _keys, _values);
        _attention.SetBatch([new AttentionSequence(0, 1, Context - 1, 0, table.Length)], table);
        Naive();
        var expected = _output.ToArray();
        Paged();
        Agreement.Check(expected, _output, 0.02);
    }

    /// <summary>Frees what <see cref="Store"/> took.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        _attention.Dispose();
        _storage.Dispose();
        _pool.Dispose();
    }

    /// <summary>Loops over single-precision keys and values, as the formula says.</summary>
    [Benchmark(Baseline = true)]
    public void Naive()
    {
        for (var h = 0; h < Heads; h++)
        {
            var head = h / (Heads / KvHeads);
            var max = double.NegativeInfinity;
            for (var t = 0; t < Context; t++)
            {
                var score = 0.0;
                for (var d = 0; d < HeadDim; d++)
                    score += _query[h * HeadDim + d] * _keys[(t * KvHeads + head) * HeadDim + d];
                _weights[t] = score * _options.Scale;
                max = Math.Max(max, _weights[t]);
            }
            var sum = 0.0;
            for (var t = 0; t < Context; t++)
                sum += _weights[t] = Math.Exp(_weights[t] - max);
            for (var d = 0; d < HeadDim; d++)
            {
                var total = 0.0;
                for (var t = 0; t < Context; t++)
                    total += _weights[t] * _values[(t * KvHeads + head) * HeadDim + d];
                _output[h * HeadDim + d] = (float)(total / sum);
            }
        }
    }

    /// <summary>The kernel.</summary>
    [Benchmark]
    public void Paged() => _attention.Run(_storage, _layer++ % Layers, _query, _output, _options);

    private static float[] Uniform(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }
}
