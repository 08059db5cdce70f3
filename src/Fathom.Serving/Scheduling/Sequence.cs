using Fathom.Memory;
using Fathom.Serving.KvCache;

namespace Fathom.Serving.Scheduling;

/// <summary>The tokens of one choice and the blocks that hold their keys and values: <see cref="Computed"/> tokens catching up with <see cref="Total"/>.</summary>
/// <remarks>Owned by the scheduler; one thread.</remarks>
internal sealed class Sequence
{
    private int[] _tokens;
    private int[] _blocks;
    private PrefixHash[] _hashes = [];
    private int _hashCount;

    public Sequence(SequenceGroup group, int choice, ReadOnlySpan<int> tokens)
    {
        Group = group;
        Choice = choice;
        // Room for a usual output; longer ones grow by doubling.
        _tokens = new int[tokens.Length + Math.Min(group.MaxNewTokens, 256)];
        _blocks = new int[KvBlockPool.BlocksFor(_tokens.Length)];
        tokens.CopyTo(_tokens);
        Total = tokens.Length;
    }

    public SequenceGroup Group { get; }

    /// <summary>Which choice of the request, from 0.</summary>
    public int Choice { get; }

    public SequenceState State { get; set; }

    /// <summary>Tokens whose keys and values are in its blocks.</summary>
    public int Computed { get; set; }

    /// <summary>Tokens of the prompt and the output so far.</summary>
    public int Total { get; private set; }

    /// <summary>Tokens still to compute.</summary>
    public int Remaining => Total - Computed;

    /// <summary>The logits of its prompt are to be seen: those of the request's first choice stand for all.</summary>
    public bool WantsPromptLogits => Group.WantsPromptLogits && Choice == 0;

    /// <summary>It holds blocks.</summary>
    public bool IsStarted => State is SequenceState.Running or SequenceState.Increment;

    /// <summary>The prompt and the output so far.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Total);

    /// <summary>Its block table: entry i holds the tokens from 16·i.</summary>
    public ReadOnlySpan<int> Blocks => _blocks.AsSpan(0, BlockCount);

    /// <summary>Entries of the block table.</summary>
    public int BlockCount { get; private set; }

    /// <summary>Leading blocks that were offered to the prefix index.</summary>
    public int IndexedBlocks { get; set; }

    /// <summary>What the tiers bring of its first blocks, on the way or arrived; whoever sets it to null has disposed it or passed it on.</summary>
    public IKvLoad? Load { get; set; }

    /// <summary>How often a load may still be begun before it is computed instead.</summary>
    public int LoadsLeft { get; set; } = 1;

    /// <summary>Adds a generated token.</summary>
    public void Append(int token)
    {
        if (Total == _tokens.Length)
            Array.Resize(ref _tokens, _tokens.Length * 2);
        _tokens[Total++] = token;
    }

    /// <summary>Adds a block to the end of the table.</summary>
    public void AddBlock(BlockId block)
    {
        if (BlockCount == _blocks.Length)
            Array.Resize(ref _blocks, Math.Max(4, _blocks.Length * 2));
        _blocks[BlockCount++] = block.Value;
    }

    /// <summary>Puts another block in a place of the table.</summary>
    public void ReplaceBlock(int index, BlockId block) => _blocks[index] = block.Value;

    /// <summary>Gives up the last block of the table.</summary>
    public BlockId RemoveLastBlock()
    {
        Invariant.Check(BlockCount > 0);
        return new BlockId(_blocks[--BlockCount]);
    }

    /// <summary>Name of the content of a full block of its tokens.</summary>
    /// <param name="index">Place in the block table; (index + 1) · 16 tokens must exist.</param>
    public PrefixHash HashOf(int index)
    {
        Invariant.Check((index + 1) * KvBlockPool.BlockTokens <= Total);
        while (_hashCount <= index)
        {
            if (_hashCount == _hashes.Length)
                Array.Resize(ref _hashes, Math.Max(_tokens.Length / KvBlockPool.BlockTokens, index + 1));
            PrefixHash parent = _hashCount == 0 ? Group.Root : _hashes[_hashCount - 1];
            _hashes[_hashCount] = parent.Extend(_tokens.AsSpan(_hashCount * KvBlockPool.BlockTokens, KvBlockPool.BlockTokens));
            _hashCount++;
        }

        return _hashes[index];
    }

    /// <summary>Names of its first full blocks.</summary>
    public UInt128[] Chain(int blocks)
    {
        var chain = new UInt128[blocks];
        for (int i = 0; i < blocks; i++)
            chain[i] = HashOf(i).Value;
        return chain;
    }

    /// <summary>Whatever is on its way from the tiers is not wanted any more.</summary>
    public void DropLoad()
    {
        Load?.Dispose();
        Load = null;
    }
}
