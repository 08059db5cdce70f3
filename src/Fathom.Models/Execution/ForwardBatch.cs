namespace Fathom.Models.Execution;

/// <summary>
/// The tokens of one iteration, flat over all sequences whatever their phase, with each sequence's place in the KV memory.
/// </summary>
/// <remarks>
/// Position p of a sequence lives in block <c>blockTable[p / BlockTokens]</c>, slot <c>p % BlockTokens</c>.
/// Rows of logits follow the order in which sequences were added. Made once and reused: <see cref="Clear"/> keeps the arrays,
/// so a batch no larger than an earlier one allocates nothing. Not thread-safe; owned by whoever drives the model.
/// </remarks>
public sealed class ForwardBatch
{
    /// <summary>Positions per KV block.</summary>
    public const int BlockTokens = 16;

    private int[] _tokens;
    private int[] _positions;
    private int[] _blocks;
    private int[] _logitTokens;
    private BatchSequence[] _sequences;
    private int _tokenCount;
    private int _blockCount;
    private int _sequenceCount;
    private int _logitCount;

    /// <summary>Makes an empty batch with room for the given numbers; it grows beyond them when needed.</summary>
    public ForwardBatch(int tokens = 512, int sequences = 16, int blocks = 256)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        ArgumentOutOfRangeException.ThrowIfNegative(sequences);
        ArgumentOutOfRangeException.ThrowIfNegative(blocks);
        _tokens = new int[tokens];
        _positions = new int[tokens];
        _logitTokens = new int[Math.Max(sequences, 1)];
        _sequences = new BatchSequence[sequences];
        _blocks = new int[blocks];
    }

    /// <summary>Token ids of all sequences, one after another.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, _tokenCount);

    /// <summary>Position of each token within its sequence.</summary>
    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, _tokenCount);

    /// <summary>The sequences in the order they were added.</summary>
    public ReadOnlySpan<BatchSequence> Sequences => _sequences.AsSpan(0, _sequenceCount);

    /// <summary>Block tables of all sequences, one after another.</summary>
    public ReadOnlySpan<int> BlockTables => _blocks.AsSpan(0, _blockCount);

    /// <summary>Index into <see cref="Tokens"/> of each row of logits, ascending.</summary>
    public ReadOnlySpan<int> LogitTokens => _logitTokens.AsSpan(0, _logitCount);

    /// <summary>Tokens in the batch.</summary>
    public int TokenCount => _tokenCount;

    /// <summary>Sequences in the batch.</summary>
    public int SequenceCount => _sequenceCount;

    /// <summary>Rows of logits that a forward pass of this batch writes.</summary>
    public int LogitRowCount => _logitCount;

    /// <summary>Block table of one sequence.</summary>
    public ReadOnlySpan<int> BlockTable(in BatchSequence sequence) => _blocks.AsSpan(sequence.BlockStart, sequence.BlockCount);

    /// <summary>Removes all sequences.</summary>
    public void Clear()
    {
        _tokenCount = 0;
        _blockCount = 0;
        _sequenceCount = 0;
        _logitCount = 0;
    }

    /// <summary>Adds the next tokens of one sequence.</summary>
    /// <param name="tokens">Token ids; at least one.</param>
    /// <param name="firstPosition">Position of the first of them; earlier positions already have their K and V.</param>
    /// <param name="blockTable">KV blocks of the sequence from position 0; enough for all its positions so far and these.</param>
    /// <param name="rows">Which of these tokens give logits.</param>
    /// <returns>Index of the first row of logits of this sequence.</returns>
    /// <exception cref="ArgumentException">No tokens, a negative position, or a block table that is too short.</exception>
    public int Add(ReadOnlySpan<int> tokens, int firstPosition, ReadOnlySpan<int> blockTable, LogitRows rows)
    {
        if (tokens.IsEmpty)
            throw new ArgumentException("a sequence adds at least one token", nameof(tokens));
        ArgumentOutOfRangeException.ThrowIfNegative(firstPosition);
        long blocksNeeded = ((long)firstPosition + tokens.Length + BlockTokens - 1) / BlockTokens;
        if (blockTable.Length < blocksNeeded)
            throw new ArgumentException($"{blockTable.Length} blocks for {firstPosition + (long)tokens.Length} positions", nameof(blockTable));

        Reserve(ref _tokens, _tokenCount, tokens.Length);
        Reserve(ref _positions, _tokenCount, tokens.Length);
        Reserve(ref _blocks, _blockCount, (int)blocksNeeded);
        Reserve(ref _sequences, _sequenceCount, 1);
        var sequence = new BatchSequence(_tokenCount, tokens.Length, firstPosition, _blockCount, (int)blocksNeeded, rows, _logitCount);
        Reserve(ref _logitTokens, _logitCount, sequence.LogitCount);

        tokens.CopyTo(_tokens.AsSpan(_tokenCount));
        for (int i = 0; i < tokens.Length; i++)
            _positions[_tokenCount + i] = firstPosition + i;
        blockTable[..(int)blocksNeeded].CopyTo(_blocks.AsSpan(_blockCount));
        int firstLogitToken = _tokenCount + tokens.Length - sequence.LogitCount;
        for (int i = 0; i < sequence.LogitCount; i++)
            _logitTokens[_logitCount + i] = firstLogitToken + i;

        _sequences[_sequenceCount++] = sequence;
        _tokenCount += tokens.Length;
        _blockCount += (int)blocksNeeded;
        _logitCount += sequence.LogitCount;
        return sequence.LogitStart;
    }

    private static void Reserve<T>(ref T[] array, int used, int more)
    {
        int needed = checked(used + more);
        if (needed > array.Length)
            Array.Resize(ref array, Math.Max(needed, (int)Math.Min(array.Length * 2L, Array.MaxLength)));
    }
}
