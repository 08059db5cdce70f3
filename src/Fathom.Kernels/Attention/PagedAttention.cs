using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Kernels.Attention;

/// <summary>Attention over paged keys and values for batches of sequences in any mixture of prompt and decode.</summary>
/// <remarks>
/// Owned by one forward pass and called by one thread at a time, which dispatches over the pool: <see cref="SetBatch"/>
/// once per batch, then for each layer <see cref="Append"/> or <see cref="TransformAndAppend"/> and <see cref="Run"/>.
/// The bits of one (sequence, position, head) depend on that query and the keys and values it sees, not on the rest of the
/// batch, on how the prompt was cut, or on the number of threads. Nothing is allocated per call once batches of the same
/// size have been seen. Source: Kwon et al. 2023 for paging; Dao et al. 2022 and 2023 for the reduction by pieces.
/// </remarks>
public sealed unsafe class PagedAttention : IDisposable
{
    private readonly ComputePool _pool;
    private readonly AttentionPlan _plan;
    private readonly int _tileRows;
    private readonly int _scratchBytes;
    private readonly NativeBuffer _scratch;
    private NativeBuffer _partials = NativeBuffer.Allocate(0);
    private AttentionSequence[] _sequences = [];
    private int[] _blockTables = [];
    private AppendItem[] _appends = [];
    private int _sequenceCount;
    private int _appendCount;
    private int _largestBlock;
    private AttentionOptions? _plannedFor;

    /// <summary>Prepares attention of one shape.</summary>
    /// <param name="pool">Threads to run on; not owned.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="kvHeads">Key-value heads; each serves heads / kvHeads query heads.</param>
    /// <param name="headDim">Values in each head; even, at most 1024.</param>
    /// <exception cref="ArgumentException">A value is out of range, or heads is not a multiple of kvHeads.</exception>
    public PagedAttention(ComputePool pool, int heads, int kvHeads, int headDim)
    {
        ArgumentNullException.ThrowIfNull(pool);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(heads);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(kvHeads);
        if (heads % kvHeads != 0)
            throw new ArgumentException($"{heads} query heads are not a multiple of {kvHeads} key-value heads.", nameof(heads));
        if (headDim is <= 0 or > 1024 || headDim % 2 != 0)
            throw new ArgumentOutOfRangeException(nameof(headDim), headDim, "Head dimensions must be even, from 2 to 1024.");
        _pool = pool;
        Heads = heads;
        KvHeads = kvHeads;
        HeadDim = headDim;
        var layout = new KvLayout(KvType.F32, headDim);
        var group = heads / kvHeads;
        _plan = new AttentionPlan(group, kvHeads, layout, pool.Threads);
        _tileRows = _plan.TileTokens * group;
        _scratchBytes = AttentionScratch.Bytes(_tileRows, layout);
        _scratch = NativeBuffer.Allocate((long)_scratchBytes * pool.Threads);
    }

    /// <summary>Query heads.</summary>
    public int Heads { get; }

    /// <summary>Key-value heads.</summary>
    public int KvHeads { get; }

    /// <summary>Values in each head.</summary>
    public int HeadDim { get; }

    /// <summary>Tokens of the current batch.</summary>
    public int Tokens { get; private set; }

    /// <summary>The vectors it runs on; tests set others to compare them.</summary>
    internal VectorWidth Width { get; set; } = VectorWidths.Best;

    /// <summary>Sets the batch that the following calls work on. The spans are copied.</summary>
    /// <param name="sequences">The batch's sequences; together their new tokens are 0..tokens-1, in order.</param>
    /// <param name="blockTables">Block tables of all sequences.</param>
    /// <exception cref="ArgumentException">Tokens are not in order, or a block table is too short, outside the span or negative.</exception>
    public void SetBatch(ReadOnlySpan<AttentionSequence> sequences, ReadOnlySpan<int> blockTables)
    {
        // Until the end, a failure leaves no batch.
        Tokens = _sequenceCount = _appendCount = 0;
        _plannedFor = null;
        _largestBlock = -1;
        Reserve(ref _sequences, sequences.Length);
        Reserve(ref _blockTables, blockTables.Length);
        sequences.CopyTo(_sequences);
        blockTables.CopyTo(_blockTables);
        var tokens = 0;
        for (var s = 0; s < sequences.Length; s++)
        {
            ref readonly var sequence = ref sequences[s];
            Validate(s, sequence, tokens, blockTables);
            AddAppends(sequence, blockTables);
            tokens = checked(tokens + sequence.TokenCount);
        }
        _sequenceCount = sequences.Length;
        Tokens = tokens;
    }

    /// <summary>Stores the new tokens' keys and values.</summary>
    /// <param name="kv">Where to store.</param>
    /// <param name="layer">Layer of the storage.</param>
    /// <param name="keys">Keys [tokens, kvHeads, headDim], as attention is to see them.</param>
    /// <param name="values">Values, same shape.</param>
    /// <exception cref="ArgumentException">The storage has another shape, no such layer, too few blocks, or a span another length.</exception>
    public void Append(KvStorage kv, int layer, ReadOnlySpan<float> keys, ReadOnlySpan<float> values)
    {
        CheckStorage(kv, layer);
        CheckLength(keys.Length, KvHeads, nameof(keys));
        CheckLength(values.Length, KvHeads, nameof(values));
        fixed (float* k = keys, v = values)
            RunAppend(kv, layer, null, k, v, default);
    }

    /// <summary>Norms and rotates the new queries and keys in place, then stores keys and values, in one dispatch.</summary>
    /// <param name="kv">Where to store.</param>
    /// <param name="layer">Layer of the storage.</param>
    /// <param name="queries">Queries [tokens, heads, headDim]; transformed in place.</param>
    /// <param name="keys">Keys [tokens, kvHeads, headDim]; transformed in place.</param>
    /// <param name="values">Values, same shape as the keys.</param>
    /// <param name="transform">Norms and rotation; the rotary table holds this batch's tokens.</param>
    /// <exception cref="ArgumentException">As for <see cref="Append"/>, or a norm or rotary table does not fit.</exception>
    public void TransformAndAppend(
        KvStorage kv, int layer, Span<float> queries, Span<float> keys, ReadOnlySpan<float> values, in QueryKeyTransform transform)
    {
        CheckStorage(kv, layer);
        CheckLength(queries.Length, Heads, nameof(queries));
        CheckLength(keys.Length, KvHeads, nameof(keys));
        CheckLength(values.Length, KvHeads, nameof(values));
        CheckNorm(transform.QueryNorm);
        CheckNorm(transform.KeyNorm);
        if (transform.Rotary is { } rotary && (rotary.Tokens != Tokens || rotary.Frequencies.RotaryDims > HeadDim))
        {
            throw new ArgumentException(
                $"A rotary table of {rotary.Tokens} tokens and {rotary.Frequencies.RotaryDims} dimensions does not fit a batch " +
                $"of {Tokens} tokens and heads of {HeadDim}.", nameof(transform));
        }
        fixed (float* q = queries, k = keys, v = values)
            RunAppend(kv, layer, q, k, v, transform);
    }

    /// <summary>output = softmax(mask(cap(scale · q kᵀ))) v for every new token and head.</summary>
    /// <param name="kv">Keys and values of all positions up to the new tokens', these included.</param>
    /// <param name="layer">Layer of the storage.</param>
    /// <param name="queries">Queries [tokens, heads, headDim].</param>
    /// <param name="outputs">Outputs, same shape; must not overlap the queries.</param>
    /// <param name="options">Scale, mask and cap.</param>
    /// <exception cref="ArgumentException">The storage has another shape, no such layer, too few blocks, or a span another length.</exception>
    public void Run(KvStorage kv, int layer, ReadOnlySpan<float> queries, Span<float> outputs, in AttentionOptions options)
    {
        CheckStorage(kv, layer);
        CheckLength(queries.Length, Heads, nameof(queries));
        CheckLength(outputs.Length, Heads, nameof(outputs));
        options.Validate();
        Plan(options);
        // SAFETY: lengths, layer and block numbers were checked; scratch and partials were sized for the plan.
        fixed (float* q = queries, o = outputs)
        {
            switch (Width)
            {
                case VectorWidth.Bits512: RunItems<VectorArithmetic<SixteenOf512>>(kv, layer, q, o, options); break;
                case VectorWidth.Bits256: RunItems<VectorArithmetic<SixteenOf256>>(kv, layer, q, o, options); break;
                case VectorWidth.Bits128: RunItems<VectorArithmetic<SixteenOf128>>(kv, layer, q, o, options); break;
                default: RunItems<ScalarArithmetic>(kv, layer, q, o, options); break;
            }
        }
    }

    /// <summary>Frees the scratch memory.</summary>
    public void Dispose()
    {
        _scratch.Dispose();
        _partials.Dispose();
    }

    private static void Reserve<T>(ref T[] array, int count)
    {
        if (array.Length < count)
            Array.Resize(ref array, checked((int)Math.Min(Math.Max(count, 2L * array.Length), Array.MaxLength)));
    }

    private static void Validate(int index, in AttentionSequence sequence, int tokenStart, ReadOnlySpan<int> blockTables)
    {
        if (sequence.TokenStart != tokenStart || sequence.TokenCount <= 0)
            throw new ArgumentException($"Sequence {index} has tokens {sequence.TokenStart}+{sequence.TokenCount}; expected some from {tokenStart} on.");
        if (sequence.FirstPosition < 0 || sequence.BlockStart < 0 || sequence.BlockCount < 0
            || (long)sequence.BlockStart + sequence.BlockCount > blockTables.Length
            || (long)sequence.FirstPosition + sequence.TokenCount > (long)sequence.BlockCount * KvLayout.BlockTokens)
        {
            throw new ArgumentException($"Sequence {index} has no block table for positions up to {(long)sequence.FirstPosition + sequence.TokenCount}.");
        }
    }

    private void AddAppends(in AttentionSequence sequence, ReadOnlySpan<int> blockTables)
    {
        var table = blockTables.Slice(sequence.BlockStart, sequence.BlockCount);
        foreach (var block in table)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(block, nameof(blockTables));
            _largestBlock = Math.Max(_largestBlock, block);
        }
        for (var token = 0; token < sequence.TokenCount;)
        {
            var position = sequence.FirstPosition + token;
            var slot = position % KvLayout.BlockTokens;
            var count = Math.Min(KvLayout.BlockTokens - slot, sequence.TokenCount - token);
            Reserve(ref _appends, _appendCount + 1);
            _appends[_appendCount++] = new AppendItem(sequence.TokenStart + token, count, table[position / KvLayout.BlockTokens], slot);
            token += count;
        }
    }

    private void CheckStorage(KvStorage kv, int layer)
    {
        ArgumentNullException.ThrowIfNull(kv);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)layer, (uint)kv.Layers, nameof(layer));
        if (kv.KvHeads != KvHeads || kv.HeadDim != HeadDim)
            throw new ArgumentException($"A storage of {kv.KvHeads} heads of {kv.HeadDim} does not fit {KvHeads} of {HeadDim}.", nameof(kv));
        if (_largestBlock >= kv.Blocks)
            throw new ArgumentException($"The batch uses block {_largestBlock}; the storage has {kv.Blocks}.", nameof(kv));
    }

    private void CheckLength(int length, int heads, string name)
    {
        if (length != (long)Tokens * heads * HeadDim)
            throw new ArgumentException($"{length} values are not [{Tokens}, {heads}, {HeadDim}].", name);
    }

    private void CheckNorm(ReadOnlySpan<float> weight)
    {
        if (!weight.IsEmpty && weight.Length != HeadDim)
            throw new ArgumentException($"A norm weight of {weight.Length} does not fit heads of {HeadDim}.");
    }

    private void RunAppend(KvStorage kv, int layer, float* queries, float* keys, float* values, in QueryKeyTransform transform)
    {
        // SAFETY: the callers checked lengths, layer and block numbers, and hold the spans fixed.
        var work = new KvAppendWork
        {
            Kv = kv,
            Layer = layer,
            Heads = Heads,
            UseVectors = Width >= VectorWidth.Bits256,
            Items = _appends.AsSpan(0, _appendCount),
            Transform = transform,
            Queries = queries,
            Keys = keys,
            Values = values,
        };
        _pool.Run(ref work, _appendCount);
    }

    private void RunItems<TArithmetic>(KvStorage kv, int layer, float* queries, float* outputs, in AttentionOptions options)
        where TArithmetic : struct, IAttentionArithmetic
    {
        var work = new AttentionWork<TArithmetic>
        {
            Kv = kv,
            Layer = layer,
            Options = options,
            Heads = Heads,
            Sequences = _sequences.AsSpan(0, _sequenceCount),
            BlockTables = _blockTables,
            Items = _plan.Items,
            Splits = _plan.Splits,
            Queries = queries,
            Outputs = outputs,
            Partials = (float*)_partials.Pointer,
            Scratch = _scratch.Pointer,
            ScratchBytes = _scratchBytes,
            TileRows = _tileRows,
        };
        _pool.Run(ref work, _plan.Items.Length);
    }

    private void Plan(in AttentionOptions options)
    {
        if (_plannedFor == options)
            return;
        _plan.Build(_sequences.AsSpan(0, _sequenceCount), options);
        _plannedFor = options;
        var bytes = checked(_plan.PartialFloats * sizeof(float));
        if (_partials.Length >= bytes)
            return;
        _partials.Dispose();
        _partials = NativeBuffer.Allocate(Math.Max(bytes, 2 * _partials.Length));
    }
}
