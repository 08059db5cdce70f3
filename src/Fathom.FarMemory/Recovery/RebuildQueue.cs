using Fathom.FarMemory.SpanSets;

namespace Fathom.FarMemory.Recovery;

/// <summary>Sets that miss a fragment or have one on a leaving node, in the order in which they are made whole.</summary>
/// <remarks>Owned by the pool's state machine.</remarks>
internal sealed class RebuildQueue(PoolCore pool)
{
    private const int SetsAScanStep = 512;

    private readonly Queue<SpanSet> _ready = new();
    private readonly PriorityQueue<SpanSet, long> _later = new();
    private int _scanned = int.MaxValue;
    private int _active;
    private uint _starts;

    /// <summary>Sets waiting or under work.</summary>
    public int Count => _ready.Count + _later.Count + _active;

    /// <summary>Live spans of the sets that wait.</summary>
    public int SpansWaiting
    {
        get
        {
            var count = 0;
            foreach (var set in _ready)
                count += System.Numerics.BitOperations.PopCount(set.LiveMask);
            foreach (var (set, _) in _later.UnorderedItems)
                count += System.Numerics.BitOperations.PopCount(set.LiveMask);
            return count;
        }
    }

    /// <summary>Nothing waits and nothing remains to be looked at.</summary>
    public bool IsIdle => Count == 0 && _scanned >= pool.Table.SetsEnd;

    /// <summary>A slot to look for sources from: each of them in turn.</summary>
    public int NextStart(int slots) => (int)(_starts++ % (uint)slots);

    /// <summary>What is known of a node has changed: looks at every set again, some at each step.</summary>
    public void Scan() => _scanned = 1;

    public void Enqueue(SpanSet set)
    {
        ReportLoss(set);
        if (set.IsQueued || set.IsRemoved)
            return;
        set.IsQueued = true;
        _ready.Enqueue(set);
    }

    public void Tick()
    {
        for (var step = 0; step < SetsAScanStep && _scanned < pool.Table.SetsEnd; step++, _scanned++)
        {
            if (pool.Table.SetAt(_scanned) is { } set && set.NeedsRebuild())
                Enqueue(set);
        }
        while (_later.TryPeek(out var waiting, out var dueUs) && dueUs <= pool.NowUs)
        {
            _later.Dequeue();
            _ready.Enqueue(waiting);
        }
        for (var left = _ready.Count; left > 0 && _active < pool.Options.RebuildsMax; left--)
            Begin(_ready.Dequeue());
    }

    /// <summary>A rebuild ended, well or not; the set may need another.</summary>
    public void Ended(SpanSet set, bool isRebuilt)
    {
        _active--;
        pool.Vacate(set);
        if (isRebuilt)
            Requeue(set);
        else
            Postpone(set);
    }

    private void Begin(SpanSet set)
    {
        if (set.IsRemoved || !set.NeedsRebuild())
        {
            set.IsQueued = false;
            set.IsLossReported &= set.IsRemoved;
            pool.Changed(set);
            return;
        }
        ReportLoss(set);
        if (set.Work != SetWork.None || pool.IsFenced)
        {
            Postpone(set);
            return;
        }
        if (FragmentRebuild.TryPlan(pool, set) is not { } rebuild)
        {
            Postpone(set);
            return;
        }
        _active++;
        rebuild.Start();
    }

    private void Requeue(SpanSet set)
    {
        if (!set.IsRemoved && set.NeedsRebuild())
        {
            _ready.Enqueue(set);
            return;
        }
        set.IsQueued = false;
        set.IsLossReported = false;
    }

    private void Postpone(SpanSet set)
    {
        if (set.IsRemoved)
        {
            set.IsQueued = false;
            return;
        }
        // A lost set waits for a node to return, which is nothing to ask about often.
        const int lostPatience = 50;
        var patience = set.PresentCount() < set.DataFragments ? lostPatience : 1;
        _later.Enqueue(set, pool.NowUs + patience * pool.Options.RetryDelayUs);
    }

    /// <summary>Names the spans that fewer than k fragments remain for. Those whose own fragment is there can still be read.</summary>
    private void ReportLoss(SpanSet set)
    {
        if (set.IsLossReported || set.IsRemoved || set.PresentCount() >= set.DataFragments)
            return;
        set.IsLossReported = true;
        for (var slot = 0; slot < set.DataFragments; slot++)
        {
            var isSplit = pool.Options.Scheme == Pool.RedundancyScheme.ErasureSplit;
            if (set.Spans[slot].Value == 0 || (!isSplit && !set.IsMissing(slot)))
                continue;
            pool.Tally.SpansLost++;
            pool.Actions.Add(new PoolAction(PoolActionKind.SpanLost, Span: set.Spans[slot]));
        }
    }
}
