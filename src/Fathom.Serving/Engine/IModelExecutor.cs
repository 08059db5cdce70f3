using Fathom.Models.Execution;
using Fathom.Serving.KvCache;

namespace Fathom.Serving.Engine;

/// <summary>What computes an iteration: the model in this process, a simulated one, or workers elsewhere.</summary>
/// <remarks>Only the engine's loop thread calls <see cref="Execute"/> and <see cref="CopyBlock"/>. Both may throw; the engine then fails its requests and stops.</remarks>
public interface IModelExecutor
{
    /// <summary>Logits in a row.</summary>
    int VocabularySize { get; }

    /// <summary>Most positions of one sequence.</summary>
    int ContextLength { get; }

    /// <summary>KV blocks of 16 tokens.</summary>
    int Blocks { get; }

    /// <summary>Computes all tokens of the batch, writes their keys and values to their blocks, and gives the logits asked for.</summary>
    /// <param name="batch">The iteration, flat over sequences.</param>
    /// <param name="logits">[batch.LogitRowCount, VocabularySize], row-major, f32.</param>
    void Execute(ForwardBatch batch, Span<float> logits);

    /// <summary>Copies the keys and values of a block in every layer, before the next <see cref="Execute"/>.</summary>
    /// <param name="from">Source.</param>
    /// <param name="to">Destination; its old content is lost.</param>
    void CopyBlock(BlockId from, BlockId to);
}
