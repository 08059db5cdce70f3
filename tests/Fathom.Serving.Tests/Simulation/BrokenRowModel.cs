using Fathom.Models.Execution;
using Fathom.Serving.Engine;
using Fathom.Serving.KvCache;

namespace Fathom.Serving.Tests.Simulation;

/// <summary>Gives logits that are not numbers after one token.</summary>
internal sealed class BrokenRowModel(SimulatedModel model, int brokenToken) : IModelExecutor
{
    public int VocabularySize => model.VocabularySize;

    public int ContextLength => model.ContextLength;

    public int Blocks => model.Blocks;

    public void Execute(ForwardBatch batch, Span<float> logits)
    {
        model.Execute(batch, logits);
        for (int row = 0; row < batch.LogitRowCount; row++)
        {
            if (batch.Tokens[batch.LogitTokens[row]] == brokenToken)
                logits.Slice(row * VocabularySize, VocabularySize).Fill(float.NaN);
        }
    }

    public void CopyBlock(BlockId from, BlockId to) => model.CopyBlock(from, to);

    public int BlockBytes => model.BlockBytes;

    public void ReadBlock(BlockId block, Span<byte> destination) => model.ReadBlock(block, destination);

    public void WriteBlock(BlockId block, ReadOnlySpan<byte> source) => model.WriteBlock(block, source);
}
