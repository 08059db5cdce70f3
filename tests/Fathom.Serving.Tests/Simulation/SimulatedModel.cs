using System.Runtime.InteropServices;
using Fathom.Models.Execution;
using Fathom.Serving.Engine;
using Fathom.Serving.KvCache;

namespace Fathom.Serving.Tests.Simulation;

/// <summary>
/// A deterministic model: the logits at a position are a hash of all tokens up to it, read back through the block table. A block that
/// was lost, shared wrongly or not copied changes every token after it.
/// </summary>
internal sealed class SimulatedModel(int vocabularySize = 300, int blocks = 256, int contextLength = 2048) : IModelExecutor
{
    private const int Empty = -1;
    private readonly int[] _kv = Filled(blocks * ForwardBatch.BlockTokens);

    public int VocabularySize => vocabularySize;

    public int ContextLength => contextLength;

    public int Blocks => blocks;

    public int Executions { get; private set; }

    public int Copies { get; private set; }

    public int LargestBatch { get; private set; }

    /// <summary>Called before each iteration; may throw, or block.</summary>
    public Action<ForwardBatch>? OnExecute { get; set; }

    /// <summary>Logits of the token that follows a context.</summary>
    public static void Logits(ulong contextHash, Span<float> row)
    {
        for (int i = 0; i < row.Length; i++)
            row[i] = (Mix(contextHash + ((ulong)i * 0x9E3779B97F4A7C15)) >> 40) * (8f / (1 << 24)) - 4;
    }

    public static ulong Hash(ReadOnlySpan<int> context)
    {
        ulong hash = 1;
        foreach (int token in context)
            hash = Extend(hash, token);
        return hash;
    }

    public void Execute(ForwardBatch batch, Span<float> logits)
    {
        OnExecute?.Invoke(batch);
        Executions++;
        LargestBatch = Math.Max(LargestBatch, batch.SequenceCount);
        foreach (ref readonly BatchSequence sequence in batch.Sequences)
        {
            for (int i = 0; i < sequence.TokenCount; i++)
                _kv[Place(batch, sequence, sequence.FirstPosition + i)] = batch.Tokens[sequence.TokenStart + i];
        }

        foreach (ref readonly BatchSequence sequence in batch.Sequences)
        {
            ulong hash = 1;
            int row = sequence.LogitStart;
            int firstLogit = sequence.FirstPosition + sequence.TokenCount - sequence.LogitCount;
            for (int position = 0; position < sequence.FirstPosition + sequence.TokenCount; position++)
            {
                int token = _kv[Place(batch, sequence, position)];
                if (token == Empty)
                    throw new InvalidOperationException($"position {position} was never computed");
                hash = Extend(hash, token);
                if (position >= firstLogit && sequence.LogitCount > 0)
                    Logits(hash, logits.Slice(row++ * VocabularySize, VocabularySize));
            }
        }
    }

    public void CopyBlock(BlockId from, BlockId to)
    {
        Copies++;
        Block(from).CopyTo(Block(to));
    }

    public int BlockBytes => ForwardBatch.BlockTokens * sizeof(int);

    public void ReadBlock(BlockId block, Span<byte> destination) => MemoryMarshal.AsBytes(Block(block)).CopyTo(destination);

    public void WriteBlock(BlockId block, ReadOnlySpan<byte> source) => source.CopyTo(MemoryMarshal.AsBytes(Block(block)));

    private Span<int> Block(BlockId block) => _kv.AsSpan(block.Value * ForwardBatch.BlockTokens, ForwardBatch.BlockTokens);

    private static int Place(ForwardBatch batch, in BatchSequence sequence, int position) =>
        (batch.BlockTable(sequence)[position / ForwardBatch.BlockTokens] * ForwardBatch.BlockTokens) + (position % ForwardBatch.BlockTokens);

    private static ulong Extend(ulong hash, int token) => Mix(hash ^ ((ulong)(token + 1) * 0xD1B54A32D192ED03));

    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }

    private static int[] Filled(int length)
    {
        var array = new int[length];
        array.AsSpan().Fill(Empty);
        return array;
    }
}
