using Fathom.Kernels.Attention;
using Fathom.Kernels.Parallelism;

namespace Fathom.Kernels.Tests.Attention;

/// <summary>Random sequences with their queries, keys and values, run through paged attention in any cut.</summary>
internal sealed class AttentionScenario
{
    private readonly float[][] _queries;
    private readonly float[][] _keys;
    private readonly float[][] _values;

    public AttentionScenario(int seed, int heads, int kvHeads, int headDim, params int[] lengths)
    {
        (Heads, KvHeads, HeadDim, Lengths) = (heads, kvHeads, headDim, lengths);
        var random = new Random(seed);
        _queries = [.. lengths.Select(n => Normals(random, n * heads * headDim, 1.5f))];
        _keys = [.. lengths.Select(n => Normals(random, n * kvHeads * headDim, 1))];
        _values = [.. lengths.Select(n => Normals(random, n * kvHeads * headDim, 1))];
        BlockOrder = Enumerable.Range(0, lengths.Sum(BlocksOf)).ToArray();
        random.Shuffle(BlockOrder);
    }

    public int Heads { get; }

    public int KvHeads { get; }

    public int HeadDim { get; }

    public int[] Lengths { get; }

    /// <summary>Physical blocks in the order the sequences take them.</summary>
    public int[] BlockOrder { get; }

    public float[] Keys(int sequence) => _keys[sequence];

    public float[] Values(int sequence) => _values[sequence];

    public float[] Queries(int sequence) => _queries[sequence];

    public KvStorage CreateStorage(KvType type, int layers = 1) => new(layers, BlockOrder.Length, KvHeads, HeadDim, type);

    public static float[] Normals(Random random, int count, float deviation)
    {
        var x = new float[count];
        for (var i = 0; i < count; i++)
            x[i] = deviation * (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return x;
    }

    public int[] BlockTable(int sequence)
    {
        var start = Lengths[..sequence].Sum(BlocksOf);
        return BlockOrder[start..(start + BlocksOf(Lengths[sequence]))];
    }

    /// <summary>Appends and attends one batch of (sequence, first, count) parts. Returns outputs in batch order.</summary>
    public float[] Step(
        PagedAttention attention, KvStorage kv, AttentionOptions options, params (int Sequence, int First, int Count)[] parts)
    {
        var tables = new List<int>();
        var sequences = new List<AttentionSequence>();
        var tokens = 0;
        foreach (var (s, first, count) in parts)
        {
            var table = BlockTable(s);
            sequences.Add(new AttentionSequence(tokens, count, first, tables.Count, table.Length));
            tables.AddRange(table);
            tokens += count;
        }
        attention.SetBatch(sequences.ToArray(), tables.ToArray());
        attention.Append(kv, 0, Gather(_keys, KvHeads, parts), Gather(_values, KvHeads, parts));
        var outputs = new float[tokens * Heads * HeadDim];
        attention.Run(kv, 0, Gather(_queries, Heads, parts), outputs, options);
        return outputs;
    }

    /// <summary>Every sequence alone, its whole prompt at once.</summary>
    public float[][] RunAlone(KvType type, AttentionOptions options, int threads = 1, VectorWidth? width = null)
    {
        using var pool = new ComputePool(threads);
        using var attention = Create(pool, width);
        using var kv = CreateStorage(type);
        return [.. Lengths.Select((n, s) => Step(attention, kv, options, (s, 0, n)))];
    }

    public PagedAttention Create(ComputePool pool, VectorWidth? width = null) =>
        new(pool, Heads, KvHeads, HeadDim) { Width = width ?? VectorWidths.Best };

    /// <summary>Brute force in f64 from the unrounded keys and values.</summary>
    public double[] Reference(int sequence, AttentionOptions options)
    {
        var (q, k, v) = (_queries[sequence], _keys[sequence], _values[sequence]);
        var length = Lengths[sequence];
        var group = Heads / KvHeads;
        var result = new double[q.Length];
        var scores = new double[length];
        for (var p = 0; p < length; p++)
        {
            var low = options.SlidingWindow > 0 ? Math.Max(0, p - options.SlidingWindow + 1) : 0;
            var high = options.Bidirectional ? length : p + 1;
            for (var h = 0; h < Heads; h++)
            {
                var head = h / group;
                var sum = 0.0;
                for (var t = low; t < high; t++)
                {
                    var score = 0.0;
                    for (var d = 0; d < HeadDim; d++)
                        score += (double)q[(p * Heads + h) * HeadDim + d] * k[(t * KvHeads + head) * HeadDim + d];
                    score *= options.Scale;
                    if (options.SoftCap > 0)
                        score = options.SoftCap * Math.Tanh(score / options.SoftCap);
                    scores[t] = score;
                }
                var max = scores[low..high].Max();
                for (var t = low; t < high; t++)
                    sum += scores[t] = Math.Exp(scores[t] - max);
                for (var t = low; t < high; t++)
                {
                    for (var d = 0; d < HeadDim; d++)
                        result[(p * Heads + h) * HeadDim + d] += scores[t] / sum * v[(t * KvHeads + head) * HeadDim + d];
                }
            }
        }
        return result;
    }

    private static int BlocksOf(int tokens) => (tokens + KvStorage.BlockTokens - 1) / KvStorage.BlockTokens;

    private float[] Gather(float[][] source, int heads, (int Sequence, int First, int Count)[] parts)
    {
        var stride = heads * HeadDim;
        var gathered = new float[parts.Sum(p => p.Count) * stride];
        var at = 0;
        foreach (var (sequence, first, count) in parts)
        {
            source[sequence].AsSpan(first * stride, count * stride).CopyTo(gathered.AsSpan(at));
            at += count * stride;
        }
        return gathered;
    }
}
