using Fathom.Memory;
using Fathom.Models.Execution;

namespace Fathom.Serving.KvCache;

/// <summary>
/// Who holds which KV block. Every block is free (no content), cached (reusable content that nobody holds) or used (held by one or
/// more sequences): <c>Free + Cached + Used = Total</c> at any time.
/// </summary>
/// <remarks>
/// Owned by the scheduler; one thread. Blocks of content unknown to the prefix index are taken first, then cached ones, least recently
/// released first. A block in the index is never written: it is full, and sequences write behind their last full block.
/// </remarks>
internal sealed class KvBlockPool
{
    /// <summary>Tokens in a block.</summary>
    public const int BlockTokens = ForwardBatch.BlockTokens;

    private const int None = -1;

    // Lists are threaded through _next and _previous; the free list is a stack, the cached list runs from least to most recently released.
    private readonly int[] _next;
    private readonly int[] _previous;
    private readonly int[] _references;
    private readonly PrefixHash[] _hash;
    private readonly bool[] _indexed;
    private readonly PrefixIndex _index;
    private int _freeHead;
    private int _cachedHead = None;
    private int _cachedTail = None;

    /// <param name="blocks">Blocks of the executor; at least 1.</param>
    public KvBlockPool(int blocks)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, 1);
        Total = blocks;
        Free = blocks;
        _next = new int[blocks];
        _previous = new int[blocks];
        _references = new int[blocks];
        _hash = new PrefixHash[blocks];
        _indexed = new bool[blocks];
        _index = new PrefixIndex(blocks);
        for (int i = 0; i < blocks; i++)
            _next[i] = i + 1 < blocks ? i + 1 : None;
        _freeHead = 0;
    }

    /// <summary>All blocks.</summary>
    public int Total { get; }

    /// <summary>Blocks without content.</summary>
    public int Free { get; private set; }

    /// <summary>Blocks with indexed content that nobody holds.</summary>
    public int Cached { get; private set; }

    /// <summary>Blocks that sequences hold.</summary>
    public int Used => Total - Free - Cached;

    /// <summary>Blocks that <see cref="TryAllocate"/> can still give.</summary>
    public int Available => Free + Cached;

    /// <summary>Blocks that hold a number of tokens.</summary>
    public static int BlocksFor(long tokens) => checked((int)((tokens + BlockTokens - 1) / BlockTokens));

    /// <summary>How many sequences hold a block.</summary>
    public int References(BlockId block) => _references[block.Value];

    /// <summary>Takes a block for writing, forgetting the oldest cached content if no block is free.</summary>
    /// <returns>False when sequences hold all blocks.</returns>
    public bool TryAllocate(out BlockId block)
    {
        int taken;
        if (_freeHead != None)
        {
            taken = _freeHead;
            _freeHead = _next[taken];
            Free--;
        }
        else if (_cachedHead != None)
        {
            taken = _cachedHead;
            Unlink(taken);
            Invariant.Check(_index.Remove(_hash[taken]));
            _indexed[taken] = false;
        }
        else
        {
            block = default;
            return false;
        }

        _references[taken] = 1;
        block = new BlockId(taken);
        return true;
    }

    /// <summary>One more sequence holds the block.</summary>
    public void Share(BlockId block)
    {
        if (_references[block.Value]++ == 0)
        {
            Invariant.Check(_indexed[block.Value]);
            Unlink(block.Value);
        }
    }

    /// <summary>One sequence less holds the block; the last one leaves it cached if its content is indexed, otherwise free.</summary>
    public void Release(BlockId block)
    {
        int released = block.Value;
        Invariant.Check(_references[released] > 0);
        if (--_references[released] > 0)
            return;
        if (_indexed[released])
        {
            _previous[released] = _cachedTail;
            _next[released] = None;
            if (_cachedTail == None)
                _cachedHead = released;
            else
                _next[_cachedTail] = released;
            _cachedTail = released;
            Cached++;
        }
        else
        {
            _next[released] = _freeHead;
            _freeHead = released;
            Free++;
        }
    }

    /// <summary>The block with this content, if there is one; not yet held for the caller, who calls <see cref="Share"/>.</summary>
    public bool TryFind(PrefixHash content, out BlockId block)
    {
        bool found = _index.TryFind(content, out int index);
        block = new BlockId(index);
        return found;
    }

    /// <summary>How many leading links of a chain are in the prefix index now. Any thread.</summary>
    public int CountPrefix(ReadOnlySpan<UInt128> chain) => _index.CountPrefix(chain);

    /// <summary>Makes a full, computed block findable by its content.</summary>
    /// <returns>False when that changed nothing: it was findable, or another block has the same content.</returns>
    public bool Index(BlockId block, PrefixHash content)
    {
        Invariant.Check(_references[block.Value] > 0);
        if (_indexed[block.Value] || !_index.TryAdd(content, block.Value))
            return false;
        _hash[block.Value] = content;
        _indexed[block.Value] = true;
        return true;
    }

    /// <summary>Whether the block's content is in the prefix index, so that it must not be written.</summary>
    public bool IsIndexed(BlockId block) => _indexed[block.Value];

    /// <summary>Recounts everything from the lists.</summary>
    /// <exception cref="InvariantViolationException">A count, a list or the index disagrees.</exception>
    public void Verify()
    {
        int free = 0, cached = 0, used = 0, indexed = 0;
        for (int i = _freeHead; i != None; i = _next[i], free++)
            Invariant.Check(_references[i] == 0 && !_indexed[i]);
        int last = None;
        for (int i = _cachedHead; i != None; last = i, i = _next[i], cached++)
            Invariant.Check(_references[i] == 0 && _indexed[i] && _previous[i] == last);
        Invariant.Check(last == _cachedTail);
        for (int i = 0; i < Total; i++)
        {
            used += _references[i] > 0 ? 1 : 0;
            if (!_indexed[i])
                continue;
            indexed++;
            Invariant.Check(_index.TryFind(_hash[i], out int owner) && owner == i);
        }

        Invariant.Check(indexed == _index.Count);
        Invariant.Check(free == Free && cached == Cached && used == Used);
        Invariant.Check(free + cached + used == Total);
    }

    private void Unlink(int cached)
    {
        int previous = _previous[cached], next = _next[cached];
        if (previous == None)
            _cachedHead = next;
        else
            _next[previous] = next;
        if (next == None)
            _cachedTail = previous;
        else
            _previous[next] = previous;
        Cached--;
    }
}
