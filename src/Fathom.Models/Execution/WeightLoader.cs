using Fathom.Kernels.Attention;
using Fathom.Kernels.Embedding;
using Fathom.Kernels.Formats;
using Fathom.Kernels.MatrixProducts;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;
using Fathom.Models.Architectures;
using Fathom.Models.Execution.PackedCache;
using Fathom.Models.Sources;

namespace Fathom.Models.Execution;

/// <summary>Packs a source's tensors into <see cref="ModelWeights"/>, tensor by tensor, releasing what has been read.</summary>
internal sealed class WeightLoader
{
    private readonly ModelSource _source;
    private readonly ModelConfig _config;
    private readonly ComputePool _pool;
    private readonly Action<double>? _progress;
    private readonly PackedCacheFile? _cache;
    private readonly PackedCacheWriter? _writer;
    private readonly Dictionary<string, TensorSpec> _specs;
    private readonly long _valuesTotal;

    /// <summary>Everything made so far, for the case that a later tensor fails.</summary>
    private readonly List<Linear> _packed = [];
    private long _valuesDone;

    private WeightLoader(ModelSource source, ComputePool pool, Action<double>? progress, PackedCacheFile? cache, PackedCacheWriter? writer)
    {
        _cache = cache;
        _writer = writer;
        _source = source;
        _config = source.Config;
        _pool = pool;
        _progress = progress;
        _specs = source.Tensors.ToDictionary(spec => spec.Name, StringComparer.Ordinal);
        _valuesTotal = source.Tensors.Sum(spec => (long)spec.Rows * spec.Columns);
    }

    /// <summary>Loads everything. The source must stay open as long as the weights are used.</summary>
    /// <param name="source">Where the tensors are.</param>
    /// <param name="pool">Shares the packing.</param>
    /// <param name="progress">Told the fraction that is ready.</param>
    /// <param name="cache">Packed matrices of an earlier start; must outlive the weights.</param>
    /// <param name="writer">Told every matrix that had to be packed.</param>
    public static ModelWeights Load(
        ModelSource source, ComputePool pool, Action<double>? progress, PackedCacheFile? cache = null, PackedCacheWriter? writer = null)
    {
        var loader = new WeightLoader(source, pool, progress, cache, writer);
        try
        {
            return loader.Load();
        }
        catch
        {
            foreach (Linear linear in loader._packed)
                linear.Dispose();
            throw;
        }
    }

    private ModelWeights Load()
    {
        _progress?.Invoke(0);
        var blocks = new TransformerBlock[_config.Layers];
        for (int layer = 0; layer < blocks.Length; layer++)
            blocks[layer] = Block(layer);
        Linear output = Single(_config.TiedEmbeddings ? TensorRole.TokenEmbedding : TensorRole.Output, -1);
        var weights = new ModelWeights
        {
            TokenEmbedding = Embedding(TensorRole.TokenEmbedding),
            PositionEmbedding = _config.Rotary is null ? Embedding(TensorRole.PositionEmbedding) : null,
            Blocks = blocks,
            OutputNorm = NormOf(TensorRole.OutputNorm, -1),
            Output = output,
        };
        _progress?.Invoke(1);
        return weights;
    }

    private TransformerBlock Block(int layer)
    {
        int queryRows = _config.Heads * _config.HeadSize;
        int keyRows = _config.KvHeads * _config.HeadSize;
        Linear[] qkv = _config.FusedQueryKeyValue
            ? Split(TensorRole.QueryKeyValue, layer, queryRows, keyRows, keyRows)
            : [Single(TensorRole.Query, layer), Single(TensorRole.Key, layer), Single(TensorRole.Value, layer)];
        Linear[] gateUp = _config.FusedGateUp ? Split(TensorRole.GateUp, layer, _config.FeedForwardSize, _config.FeedForwardSize)
            : _config.FeedForward == FeedForwardKind.Gelu ? [Single(TensorRole.Up, layer)]
            : [Single(TensorRole.Gate, layer), Single(TensorRole.Up, layer)];
        return new TransformerBlock
        {
            AttentionNorm = NormOf(TensorRole.AttentionNorm, layer),
            Query = qkv[0],
            Key = qkv[1],
            Value = qkv[2],
            QueryNorm = _config.QueryKeyNorms ? Vector(TensorRole.QueryNorm, layer, TensorPart.Weight) : null,
            KeyNorm = _config.QueryKeyNorms ? Vector(TensorRole.KeyNorm, layer, TensorPart.Weight) : null,
            AttentionOutput = Single(TensorRole.AttentionOutput, layer),
            PostAttentionNorm = _config.PostNorms ? NormOf(TensorRole.PostAttentionNorm, layer) : null,
            FeedForwardNorm = NormOf(TensorRole.FeedForwardNorm, layer),
            Gate = gateUp.Length == 2 ? gateUp[0] : null,
            Up = gateUp[^1],
            Down = Single(TensorRole.Down, layer),
            PostFeedForwardNorm = _config.PostNorms ? NormOf(TensorRole.PostFeedForwardNorm, layer) : null,
            Attention = new AttentionOptions(_config.AttentionScale, _config.SlidingWindows[layer], _config.AttentionSoftCap),
            UsesLocalRotary = _config.UsesLocalRotary(layer),
        };
    }

    private Linear Single(TensorRole role, int layer) => Split(role, layer, Spec(role, layer).Rows)[0];

    /// <summary>Packs consecutive groups of a matrix's rows as matrices of their own.</summary>
    private Linear[] Split(TensorRole role, int layer, params ReadOnlySpan<int> rows)
    {
        TensorSpec spec = Spec(role, layer);
        TensorType type = _source.TypeOf(spec);
        long rowBytes = BlockFormat.Get(type).RowBytes(spec.Columns);
        float[]? bias = Vector(role, layer, TensorPart.Bias);
        var parts = new Linear[rows.Length];
        using (TensorData data = _source.Read(spec))
        {
            long first = 0;
            for (int i = 0; i < parts.Length; i++)
            {
                string name = $"{spec.Name}/{i}";
                NativeView view = data.View.Slice(first * rowBytes, rows[i] * rowBytes);
                WeightMatrix? matrix = _cache?.Find(name, type, rows[i], spec.Columns);
                if (matrix is null)
                {
                    matrix = WeightMatrix.Pack(type, rows[i], spec.Columns, view, _pool);
                    _writer?.Add(name, matrix);
                }

                parts[i] = new Linear(matrix, bias?.AsSpan((int)first, rows[i]).ToArray());
                _packed.Add(parts[i]);
                first += rows[i];
                Report((long)rows[i] * spec.Columns);
            }
        }

        _source.Release(spec);
        return parts;
    }

    private Norm NormOf(TensorRole role, int layer) => new(
        _config.Norm, Vector(role, layer, TensorPart.Weight)!, Vector(role, layer, TensorPart.Bias), _config.NormEpsilon);

    /// <summary>A vector as single precision, or null when the model does not have it.</summary>
    private float[]? Vector(TensorRole role, int layer, TensorPart part)
    {
        if (!_specs.TryGetValue(TensorLayout.NameOf(role, layer, part), out TensorSpec? spec))
            return null;
        var values = new float[spec.Columns];
        using TensorData data = _source.Read(spec);
        BlockCodec.Decode(_source.TypeOf(spec), data.View.AsSpan<byte>(), values);
        return values;
    }

    private EmbeddingTable Embedding(TensorRole role)
    {
        TensorSpec spec = Spec(role, -1);
        // No architecture rearranges its embeddings, so this is a view of the file itself and owns nothing.
        return new EmbeddingTable(_source.TypeOf(spec), spec.Rows, spec.Columns, _source.Read(spec).View);
    }

    private TensorSpec Spec(TensorRole role, int layer) => _specs[TensorLayout.NameOf(role, layer, TensorPart.Weight)];

    private void Report(long values)
    {
        _valuesDone += values;
        _progress?.Invoke(Math.Min(1, (double)_valuesDone / _valuesTotal));
    }
}
