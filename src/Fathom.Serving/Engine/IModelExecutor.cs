using Fathom.Models.Execution;
using Fathom.Serving.KvCache;

namespace Fathom.Serving.Engine;

/// <summary>What computes an iteration: the model in this process, a simulated one, or workers elsewhere.</summary>
/// <remarks>Only the engine's loop thread calls the methods. They may throw; the engine then fails its requests and stops.</remarks>
public interface IModelExecutor
{
    /// <summary>Logits in a row.</summary>
    int VocabularySize { get; }

    /// <summary>Most positions of one sequence.</summary>
    int ContextLength { get; }

    /// <summary>KV blocks of 16 tokens.</summary>
    int Blocks { get; }

    /// <summary>Bytes of a block's keys and values in every layer, as <see cref="ReadBlock"/> gives them.</summary>
    int BlockBytes { get; }

    /// <summary>Computes all tokens of the batch, writes their keys and values to their blocks, and gives the logits asked for.</summary>
    /// <param name="batch">The iteration, flat over sequences.</param>
    /// <param name="logits">[batch.LogitRowCount, VocabularySize], row-major, f32.</param>
    void Execute(ForwardBatch batch, Span<float> logits);

    /// <summary>Copies the keys and values of a block in every layer, before the next <see cref="Execute"/>.</summary>
    /// <param name="from">Source.</param>
    /// <param name="to">Destination; its old content is lost.</param>
    void CopyBlock(BlockId from, BlockId to);

    /// <summary>Copies the keys and values of a block out.</summary>
    /// <param name="block">A block whose 16 tokens are computed.</param>
    /// <param name="destination">[<see cref="BlockBytes"/>].</param>
    void ReadBlock(BlockId block, Span<byte> destination);

    /// <summary>Overwrites the keys and values of a block with what <see cref="ReadBlock"/> gave, of whatever executor of the same model.</summary>
    /// <param name="block">A block that nobody reads.</param>
    /// <param name="source">[<see cref="BlockBytes"/>].</param>
    void WriteBlock(BlockId block, ReadOnlySpan<byte> source);
}
