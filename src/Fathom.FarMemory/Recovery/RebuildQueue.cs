using Fathom.FarMemory.Placement;
using Fathom.FarMemory.SpanSets;

namespace Fathom.FarMemory.Recovery;

/// <summary>
/// Sets that miss a fragment or have one on a leaving node, in the order in which they are made whole. Those that one node is to make
/// travel together, several such batches at a time, and the next is on its way as soon as one is back.
/// </summary>
/// <remarks>
/// How many rebuilds are under way follows how long they take, as a congestion window does: the nodes' processors and links are those
/// that answer reads and take writes, and a batch that had to wait says that they are busy. Owned by the pool's state machine.
/// </remarks>
internal sealed class RebuildQueue(PoolCore pool)
{
    private const int SetsAScanStep = 4096;

    /// <summary>Of fragments under work: what nodes do in a small part of the time after which a request counts as unanswered.</summary>
    private const long BytesMax = 8 << 20;

    /// <summary>A batch that takes longer had to wait for others.</summary>
    private const long BatchTargetUs = 20_000;

    private const int WindowMin = 64;
    private const double WindowGrowth = 0.25;

    private readonly Queue<SpanSet> _ready = new();
    private readonly PriorityQueue<SpanSet, long> _later = new();
    private readonly Dictionary<FarNode, RebuildBatch> _filling = [];
    private int _scanned = int.MaxValue;
    private int _active;
    private long _activeBytes;
    private double _window = WindowMin;
    private long _shrunkUs;
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
        Fill();
    }

    /// <summary>Begins as many rebuilds as may be under work, as soon as half of them are back: fewer at a time would make small batches.</summary>
    public void Fill()
    {
        var window = Math.Min(_window, pool.Options.RebuildsMax);
        if (_active > window / 2)
            return;
        for (var left = _ready.Count; left > 0 && _active < window && _activeBytes < BytesMax; left--)
            Begin(_ready.Dequeue());
        foreach (var batch in _filling.Values)
            batch.Send();
        _filling.Clear();
    }

    /// <summary>A batch is back, and all its rebuilds have ended.</summary>
    /// <param name="count">Rebuilds in it.</param>
    /// <param name="sentUs">When it was sent.</param>
    /// <param name="isAnswered">Whether its node answered at all.</param>
    public void BatchEnded(int count, long sentUs, bool isAnswered)
    {
        if (isAnswered && pool.NowUs - sentUs <= BatchTargetUs)
        {
            _window = Math.Min(pool.Options.RebuildsMax, _window + count * WindowGrowth);
        }
        else if (sentUs > _shrunkUs) // the others of that time say the same
        {
            _window = Math.Max(WindowMin, _window / 2);
            _shrunkUs = pool.NowUs;
        }
        Fill();
    }

    /// <summary>A rebuild ended, well or not; the set may need another.</summary>
    public void Ended(SpanSet set, long bytes, bool isRebuilt)
    {
        _active--;
        _activeBytes -= bytes;
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
        _activeBytes += rebuild.Bytes;
        rebuild.Start();
        if (!_filling.TryGetValue(rebuild.Target, out var batch))
            _filling.Add(rebuild.Target, batch = new RebuildBatch(pool, rebuild.Target));
        batch.Add(rebuild);
        if (!batch.IsFull)
            return;
        _filling.Remove(rebuild.Target);
        batch.Send();
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
