using Fathom.Kernels.Attention;
using Fathom.Models.Execution;
using Fathom.Serving.KvCache;

namespace Fathom.Serving.Engine;

/// <summary>Computes iterations with a model in this process.</summary>
/// <remarks>Model and storage stay the caller's and must outlive it.</remarks>
public sealed class LocalModelExecutor : IModelExecutor
{
    private readonly TransformerModel _model;
    private readonly KvStorage _storage;

    /// <summary>Runs a model over its KV blocks.</summary>
    /// <param name="model">The model.</param>
    /// <param name="storage">Blocks made by <see cref="TransformerModel.CreateKvStorage"/> of the same model.</param>
    public LocalModelExecutor(TransformerModel model, KvStorage storage)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(storage);
        _model = model;
        _storage = storage;
    }

    /// <inheritdoc/>
    public int VocabularySize => _model.Config.VocabularySize;

    /// <inheritdoc/>
    public int ContextLength => _model.Config.ContextLength;

    /// <inheritdoc/>
    public int Blocks => _storage.Blocks;

    /// <inheritdoc/>
    public int BlockBytes => _storage.BlockBytes;

    /// <inheritdoc/>
    public void Execute(ForwardBatch batch, Span<float> logits) => _model.Forward(batch, _storage, logits);

    /// <inheritdoc/>
    public void CopyBlock(BlockId from, BlockId to) => _storage.CopyBlock(from.Value, to.Value);

    /// <inheritdoc/>
    public void ReadBlock(BlockId block, Span<byte> destination) => _storage.ReadBlock(block.Value, destination);

    /// <inheritdoc/>
    public void WriteBlock(BlockId block, ReadOnlySpan<byte> source) => _storage.WriteBlock(block.Value, source);
}
