using Fathom.Kernels.Attention;
using Fathom.Kernels.MatrixProducts;
using Fathom.Kernels.Parallelism;
using Fathom.Kernels.Rotary;
using Fathom.Models.Architectures;

namespace Fathom.Models.Execution;

/// <summary>The decoder over one flat batch: everything but attention sees rows of tokens, whatever sequence they are of.</summary>
/// <remarks>Owned by its model; one call at a time. Source of the selective batching: Yu et al., OSDI 2022.</remarks>
internal sealed class ForwardPass : IDisposable
{
    // Below this many values a dispatch costs more than the second thread saves.
    private const int ValuesPerDispatchMin = 8192;

    private readonly ModelConfig _config;
    private readonly ModelWeights _weights;
    private readonly ComputePool _pool;
    private readonly Workspace _workspace;
    private readonly MatrixWorkspace _matrices = new();
    private readonly PagedAttention _attention;
    private readonly RotaryTable? _rotary;
    private readonly RotaryTable? _localRotary;
    private AttentionSequence[] _sequences = [];

    public ForwardPass(ModelConfig config, ModelWeights weights, ComputePool pool, int contextLength)
    {
        _config = config;
        _weights = weights;
        _pool = pool;
        _workspace = new Workspace(config);
        _attention = new PagedAttention(pool, config.Heads, config.KvHeads, config.HeadSize);
        _rotary = config.Rotary is null ? null : new RotaryTable(config.Rotary.ToFrequencies(contextLength));
        _localRotary = config.LocalRotary is null ? null : new RotaryTable(config.LocalRotary.ToFrequencies(contextLength));
    }

    /// <summary>Told where the time goes, if there is one.</summary>
    public OperatorClock? Clock { get; set; }

    public void Run(ForwardBatch batch, KvStorage kv, Span<float> logits)
    {
        Check(batch, kv, logits);
        if (batch.TokenCount == 0)
            return;
        Clock?.Start();
        SetBatch(batch);
        Embed(batch);

        int tokens = batch.TokenCount;
        TransformerBlock[] blocks = _weights.Blocks;
        Normalise(blocks[0].AttentionNorm, tokens);
        Clock?.Mark(ForwardOperator.Embedding);
        for (int layer = 0; layer < blocks.Length; layer++)
        {
            TransformerBlock block = blocks[layer];
            bool last = layer == blocks.Length - 1;
            Attend(block, layer, kv, tokens);
            // From here on the last block works only on rows whose logits somebody wants.
            if (last)
                tokens = KeepRows(batch.LogitTokens, tokens);
            if (tokens == 0)
                return;
            Project(block.AttentionOutput, _workspace.Attended, block.PostAttentionNorm, block.FeedForwardNorm, tokens, ForwardOperator.AttentionOutput);
            FeedForward(block, tokens);
            Norm next = last ? _weights.OutputNorm : blocks[layer + 1].AttentionNorm;
            Project(block.Down, _workspace.Gate, block.PostFeedForwardNorm, next, tokens, ForwardOperator.Down);
        }

        MatrixProduct.Multiply(_pool, _weights.Output.Weights, _workspace.Normed, logits, tokens, _matrices);
        FinishLogits(logits, tokens);
        Clock?.Mark(ForwardOperator.Output);
    }

    public void Dispose()
    {
        _attention.Dispose();
        _matrices.Dispose();
        _workspace.Dispose();
    }

    private void Check(ForwardBatch batch, KvStorage kv, Span<float> logits)
    {
        if (logits.Length != (long)batch.LogitRowCount * _config.VocabularySize)
            throw new ArgumentException($"logits hold {logits.Length} values, not {batch.LogitRowCount} x {_config.VocabularySize}", nameof(logits));
        if (kv.Layers != _config.Layers)
            throw new ArgumentException($"storage of {kv.Layers} layers for a model of {_config.Layers}", nameof(kv));
        foreach (int token in batch.Tokens)
        {
            if ((uint)token >= (uint)_config.VocabularySize)
                throw new ArgumentException($"token {token} is outside the vocabulary of {_config.VocabularySize}", nameof(batch));
        }

        foreach (int block in batch.BlockTables)
        {
            if ((uint)block >= (uint)kv.Blocks)
                throw new ArgumentException($"block {block} is outside the storage of {kv.Blocks}", nameof(batch));
        }

        if (_weights.PositionEmbedding is not { } positions)
            return;
        foreach (int position in batch.Positions)
        {
            if (position >= positions.Rows)
                throw new ArgumentException($"position {position} is beyond the {positions.Rows} that the model has learned", nameof(batch));
        }
    }

    private void SetBatch(ForwardBatch batch)
    {
        _workspace.Resize(batch.TokenCount);
        if (_sequences.Length < batch.SequenceCount)
            Array.Resize(ref _sequences, Math.Max(batch.SequenceCount, 2 * _sequences.Length));
        ReadOnlySpan<BatchSequence> sequences = batch.Sequences;
        for (int i = 0; i < sequences.Length; i++)
        {
            BatchSequence s = sequences[i];
            _sequences[i] = new AttentionSequence(s.TokenStart, s.TokenCount, s.FirstPosition, s.BlockStart, s.BlockCount);
        }

        _attention.SetBatch(_sequences.AsSpan(0, sequences.Length), batch.BlockTables);
        _rotary?.SetPositions(batch.Positions);
        _localRotary?.SetPositions(batch.Positions);
    }

    private void Embed(ForwardBatch batch)
    {
        var work = new EmbeddingWork
        {
            Tokens = _weights.TokenEmbedding,
            Positions = _weights.PositionEmbedding,
            TokenIds = batch.Tokens,
            PositionIds = batch.Positions,
            Scale = _config.EmbeddingScale,
            Residual = _workspace.Residual,
            Scratch = _workspace.Delta,
        };
        RunRows(ref work, batch.TokenCount, _config.HiddenSize);
    }

    private void Normalise(Norm norm, int tokens)
    {
        var work = new NormWork { Norm = norm, Residual = _workspace.Residual, Normed = _workspace.Normed };
        RunRows(ref work, tokens, _config.HiddenSize);
    }

    /// <summary>attended = attention(q, k, v of normed), after storing the new keys and values.</summary>
    private void Attend(TransformerBlock block, int layer, KvStorage kv, int tokens)
    {
        MatrixProduct.Multiply(
            _pool, block.Query.Weights, block.Key.Weights, block.Value.Weights, _workspace.Normed,
            _workspace.Query, _workspace.Key, _workspace.Value, tokens, _matrices);
        Clock?.Mark(ForwardOperator.QueryKeyValue);
        block.Query.AddBias(_workspace.Query);
        block.Key.AddBias(_workspace.Key);
        block.Value.AddBias(_workspace.Value);
        var transform = new QueryKeyTransform
        {
            QueryNorm = block.QueryNorm,
            KeyNorm = block.KeyNorm,
            NormEpsilon = _config.NormEpsilon,
            Rotary = block.UsesLocalRotary ? _localRotary : _rotary,
        };
        _attention.TransformAndAppend(kv, layer, _workspace.Query, _workspace.Key, _workspace.Value, transform);
        Clock?.Mark(ForwardOperator.Append);
        _attention.Run(kv, layer, _workspace.Query, _workspace.Attended, block.Attention);
        Clock?.Mark(ForwardOperator.Attention);
    }

    /// <summary>residual += post(linear(input)); normed = next(residual).</summary>
    private void Project(Linear linear, Span<float> input, Norm? post, Norm next, int tokens, ForwardOperator part)
    {
        MatrixProduct.Multiply(_pool, linear.Weights, input, _workspace.Delta, tokens, _matrices);
        Clock?.Mark(part);
        var work = new ResidualWork
        {
            Projection = linear,
            Post = post,
            Next = next,
            Delta = _workspace.Delta,
            Residual = _workspace.Residual,
            Normed = _workspace.Normed,
            Width = _config.HiddenSize,
        };
        RunRows(ref work, tokens, _config.HiddenSize);
        Clock?.Mark(ForwardOperator.Residual);
    }

    /// <summary>gate = activation(gate(normed)) · up(normed).</summary>
    private void FeedForward(TransformerBlock block, int tokens)
    {
        if (block.Gate is { } gate)
        {
            MatrixProduct.Multiply(
                _pool, gate.Weights, block.Up.Weights, _workspace.Normed, _workspace.Gate, _workspace.Up, tokens, _matrices);
        }
        else
        {
            MatrixProduct.Multiply(_pool, block.Up.Weights, _workspace.Normed, _workspace.Up, tokens, _matrices);
        }

        Clock?.Mark(ForwardOperator.GateUp);
        var work = new ActivationWork
        {
            Kind = _config.FeedForward,
            GateProjection = block.Gate,
            UpProjection = block.Up,
            Gate = _workspace.Gate,
            Up = _workspace.Up,
            Width = _config.FeedForwardSize,
        };
        RunRows(ref work, tokens, _config.FeedForwardSize);
        Clock?.Mark(ForwardOperator.Activation);
    }

    /// <summary>Moves the rows of <paramref name="kept"/> (ascending) to the front of what the last block still needs.</summary>
    private int KeepRows(ReadOnlySpan<int> kept, int tokens)
    {
        if (kept.Length != tokens)
        {
            MoveRows(_workspace.Residual, kept, _config.HiddenSize);
            MoveRows(_workspace.Attended, kept, _config.Heads * _config.HeadSize);
            // Only ever shorter, so the rows stay where they are.
            _workspace.Resize(kept.Length);
        }

        return kept.Length;
    }

    private static void MoveRows(Span<float> rows, ReadOnlySpan<int> kept, int width)
    {
        for (int i = 0; i < kept.Length; i++)
            rows.Slice(kept[i] * width, width).CopyTo(rows.Slice(i * width, width));
    }

    private void FinishLogits(Span<float> logits, int rows)
    {
        if (_config.LogitSoftCap == 0 && !_weights.Output.HasBias)
            return;
        var work = new LogitWork
        {
            Projection = _weights.Output,
            SoftCap = _config.LogitSoftCap,
            Logits = logits,
            Width = _config.VocabularySize,
        };
        RunRows(ref work, rows, _config.VocabularySize);
    }

    private void RunRows<TWork>(ref TWork work, int rows, int width)
        where TWork : struct, IParallelWork, allows ref struct
    {
        if (rows == 1 || (long)rows * width < ValuesPerDispatchMin)
            work.Execute(0, rows, 0);
        else
            _pool.Run(ref work, rows);
    }
}
