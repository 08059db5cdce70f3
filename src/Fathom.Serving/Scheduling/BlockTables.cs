using Fathom.Memory;
using Fathom.Serving.KvCache;

namespace Fathom.Serving.Scheduling;

/// <summary>Gives blocks to sequences and takes them back: growth, copy-on-write, forks and prefix reuse.</summary>
/// <remarks>Owned by the scheduler; one thread.</remarks>
internal sealed class BlockTables
{
    private const int LoadsPerStart = 2;

    private readonly bool _prefixCaching;
    private readonly bool _hasTiers;

    public BlockTables(int blocks, bool prefixCaching, bool hasTiers)
    {
        Pool = new KvBlockPool(blocks);
        _prefixCaching = prefixCaching;
        _hasTiers = hasTiers;
    }

    /// <summary>The blocks.</summary>
    public KvBlockPool Pool { get; }

    /// <summary>Sequences that became <see cref="SequenceState.Loading"/> here: the host begins their loads.</summary>
    public Queue<Sequence> LoadsWanted { get; } = new();

    /// <summary>Sequences that hold blocks.</summary>
    public int Holders { get; private set; }

    /// <summary>Sequences whose blocks were taken away.</summary>
    public long Preemptions { get; private set; }

    /// <summary>Prompt tokens that were looked up in the prefix index at a request's first start.</summary>
    public long PrefixQueriedTokens { get; private set; }

    /// <summary>Those that were found.</summary>
    public long PrefixHitTokens { get; private set; }

    /// <summary>The sequence starts: from now on it may hold blocks.</summary>
    public void Begin(Sequence sequence)
    {
        Invariant.Check(sequence.State == SequenceState.Initiation);
        Holders++;
        SequenceGroup group = sequence.Group;
        if (group.HasStarted)
            return;
        group.HasStarted = true;
        group.CachedTokens = sequence.Computed;
        if (_prefixCaching && !sequence.WantsPromptLogits)
        {
            PrefixQueriedTokens += sequence.Total;
            PrefixHitTokens += sequence.Computed;
        }
    }

    /// <summary>Most tokens by which the sequence could grow with the blocks that are left.</summary>
    public long RoomFor(Sequence sequence)
    {
        int inTable = (sequence.BlockCount * KvBlockPool.BlockTokens) - sequence.Computed;
        int available = Pool.Available;
        if (inTable > 0 && MustCopy(sequence) && --available < 0)
            return 0;
        return inTable + ((long)available * KvBlockPool.BlockTokens);
    }

    /// <summary>Makes the places of the next tokens writable: new blocks, and a copy of a shared one.</summary>
    /// <returns>False, and nothing changed, when the blocks do not suffice.</returns>
    public bool TryExtend(Sequence sequence, int tokens, IterationPlan plan)
    {
        if (RoomFor(sequence) < tokens)
            return false;
        if (MustCopy(sequence))
        {
            int index = sequence.Computed / KvBlockPool.BlockTokens;
            var shared = new BlockId(sequence.Blocks[index]);
            Invariant.Check(Pool.TryAllocate(out BlockId own));
            plan.AddCopy(shared, own);
            sequence.ReplaceBlock(index, own);
            Pool.Release(shared);
        }

        int needed = KvBlockPool.BlocksFor((long)sequence.Computed + tokens);
        while (sequence.BlockCount < needed)
        {
            Invariant.Check(Pool.TryAllocate(out BlockId block));
            sequence.AddBlock(block);
        }

        return true;
    }

    /// <summary>Takes the known blocks that the sequence's tokens begin with. The last token is never taken: its logits must be computed.</summary>
    public void ReusePrefix(Sequence sequence)
    {
        Invariant.Check(sequence.BlockCount == 0 && sequence.Computed == 0);
        if (!_prefixCaching || sequence.WantsPromptLogits)
            return;
        int most = (sequence.Total - 1) / KvBlockPool.BlockTokens;
        while (sequence.BlockCount < most && Pool.TryFind(sequence.HashOf(sequence.BlockCount), out BlockId block))
        {
            Pool.Share(block);
            sequence.AddBlock(block);
        }

        sequence.Computed = sequence.BlockCount * KvBlockPool.BlockTokens;
        sequence.IndexedBlocks = sequence.BlockCount;
    }

    /// <summary>
    /// Takes over what has come from the tiers behind the blocks that <see cref="ReusePrefix"/> gave. There must be room for all of
    /// the sequence's blocks.
    /// </summary>
    public void TakeLoaded(Sequence sequence, IterationPlan plan)
    {
        if (sequence.Load is not { } load)
            return;
        Invariant.Check(load.Completion.IsCompleted && load.First <= sequence.BlockCount);
        int taken = 0;
        int end = Math.Min(load.First + load.Blocks, (sequence.Total - 1) / KvBlockPool.BlockTokens);
        while (sequence.BlockCount < end)
        {
            int index = sequence.BlockCount;
            PrefixHash content = sequence.HashOf(index);
            if (Pool.TryFind(content, out BlockId block))
            {
                Pool.Share(block);
            }
            else
            {
                Invariant.Check(Pool.TryAllocate(out block));
                plan.AddImport(load, index - load.First, block);
                Pool.Index(block, content);
                taken++;
            }

            sequence.AddBlock(block);
        }

        sequence.Computed = sequence.BlockCount * KvBlockPool.BlockTokens;
        sequence.IndexedBlocks = sequence.BlockCount;
        plan.AddLoad(load, taken);
        sequence.Load = null;
    }

    /// <summary>
    /// Whether blocks between those that are here and those that were loaded have been forgotten meanwhile. What was loaded is of no
    /// use then: it is dropped, and the sequence waits for another load or, after a few, does without.
    /// </summary>
    /// <returns>True when it waits.</returns>
    public bool MustLoadAgain(Sequence sequence)
    {
        if (sequence.Load is not { } load || load.First <= sequence.BlockCount)
            return false;
        bool again = load.Blocks > 0 && sequence.LoadsLeft > 0;
        sequence.DropLoad();
        if (!again)
            return false;
        ReturnBlocks(sequence);
        WantLoad(sequence);
        return true;
    }

    /// <summary>Makes the blocks that became full findable.</summary>
    public void IndexComputed(Sequence sequence, IterationPlan plan)
    {
        if (!_prefixCaching)
            return;
        for (; (sequence.IndexedBlocks + 1) * KvBlockPool.BlockTokens <= sequence.Computed; sequence.IndexedBlocks++)
        {
            int index = sequence.IndexedBlocks;
            if (Pool.Index(new BlockId(sequence.Blocks[index]), sequence.HashOf(index)) && _hasTiers)
                plan.AddFilled(sequence, index);
        }
    }

    /// <summary>The child holds the parent's blocks too; whoever writes first into a shared one copies it.</summary>
    public void Fork(Sequence parent, Sequence child)
    {
        Begin(child);
        foreach (int block in parent.Blocks)
        {
            Pool.Share(new BlockId(block));
            child.AddBlock(new BlockId(block));
        }

        child.Computed = parent.Computed;
        child.IndexedBlocks = parent.IndexedBlocks;
    }

    /// <summary>Takes the blocks away, to be loaded from the tiers or computed again later.</summary>
    public void Preempt(Sequence sequence, IterationPlan plan)
    {
        Invariant.Check(sequence.State == SequenceState.Increment);
        bool swaps = _hasTiers && sequence.IndexedBlocks > 0;
        for (int i = 0; swaps && i < sequence.IndexedBlocks; i++)
            plan.AddDeparting(sequence, i);
        Release(sequence);
        sequence.State = SequenceState.Initiation;
        sequence.LoadsLeft = LoadsPerStart;
        Preemptions++;
        if (swaps)
            WantLoad(sequence);
    }

    /// <summary>Takes all blocks back from a started sequence.</summary>
    public void Release(Sequence sequence)
    {
        Invariant.Check(sequence.IsStarted);
        Holders--;
        ReturnBlocks(sequence);
    }

    /// <summary>Gives back what <see cref="ReusePrefix"/> took for a sequence that cannot start yet.</summary>
    public void ReturnBlocks(Sequence sequence)
    {
        // Last block first: a prefix is of use only with all before it, so its tail is to be forgotten earliest.
        while (sequence.BlockCount > 0)
            Pool.Release(sequence.RemoveLastBlock());
        sequence.Computed = 0;
        sequence.IndexedBlocks = 0;
    }

    private void WantLoad(Sequence sequence)
    {
        sequence.LoadsLeft--;
        sequence.State = SequenceState.Loading;
        LoadsWanted.Enqueue(sequence);
    }

    private bool MustCopy(Sequence sequence) =>
        sequence.Computed < sequence.BlockCount * KvBlockPool.BlockTokens
        && Pool.References(new BlockId(sequence.Blocks[sequence.Computed / KvBlockPool.BlockTokens])) > 1;
}
