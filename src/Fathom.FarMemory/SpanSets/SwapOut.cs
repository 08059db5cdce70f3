using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Placement;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Transports;
using Fathom.Memory;

namespace Fathom.FarMemory.SpanSets;

/// <summary>
/// A span set on its way out: k data and m parity fragments to as many different nodes. Nothing of it is visible before every node has
/// acknowledged; a node that fails is replaced by another under a new generation, so what it may still do later cannot matter.
/// </summary>
/// <remarks>Owned by the pool's state machine; made by the host, which has filled in fragments and checksums.</remarks>
internal sealed class SwapOut(PoolCore pool) : PoolOperation
{
    private readonly FragmentPlace[] _places = new FragmentPlace[pool.Code.Fragments];
    private readonly NodeRequest?[] _requests = new NodeRequest?[pool.Code.Fragments];
    private readonly List<FarNode> _failed = [];
    private uint _acknowledged;
    private uint _leftOut;

    /// <summary>Spans in the set, 1 to k; 1 for schemes that code each span alone.</summary>
    public int SpanCount { get; set; }

    public int SpanBytes { get; set; }

    public int FragmentBytes { get; set; }

    /// <summary>Data, then parity; a view of no length is a slot of zeros that is not stored.</summary>
    public NativeView[] Fragments { get; } = new NativeView[pool.Code.Fragments];

    /// <summary>CRC32C of the fragments.</summary>
    public uint[] Checksums { get; } = new uint[pool.Code.Fragments];

    /// <summary>Receives the ids of the spans.</summary>
    public SpanId[] Ids { get; } = new SpanId[pool.Code.DataFragments];

    public long DeadlineUs { get; set; }

    /// <summary>The host's own note: who waits.</summary>
    public object? Waiter { get; set; }

    public WriteOutcome Outcome { get; private set; }

    public bool IsComplete { get; private set; }

    public void Start()
    {
        IsComplete = false;
        _acknowledged = 0;
        _leftOut = 0;
        _failed.Clear();
        Proceed();
    }

    /// <summary>Gives up: nothing is kept.</summary>
    public void Stop(WriteStatus status)
    {
        if (!IsComplete)
            Fail(new WriteOutcome(status));
    }

    public override void OnReply(NodeRequest request, in NodeReply reply)
    {
        var slot = request.Slot;
        _requests[slot] = null;
        if (pool.IsFenced)
        {
            Fail(new WriteOutcome(WriteStatus.Fenced));
            return;
        }
        var place = _places[slot];
        if (reply.IsDone && !place.Region.IsGone)
        {
            _acknowledged |= 1u << slot;
        }
        else
        {
            pool.Free(place);
            _places[slot] = default;
            _failed.Add(place.Node);
        }
        Proceed();
    }

    public override void OnTimer()
    {
        if (pool.NowUs >= DeadlineUs)
        {
            Fail(new WriteOutcome(WriteStatus.Deadline));
            return;
        }
        // Whoever failed before is as good as any other by now.
        _failed.Clear();
        Proceed();
    }

    private void Proceed()
    {
        if (pool.IsFenced)
        {
            Fail(new WriteOutcome(WriteStatus.Fenced));
            return;
        }
        DropLostPlaces();
        if (_acknowledged == 0 && _leftOut == 0 && Array.TrueForAll(_places, place => place.IsEmpty))
            PlaceAll();
        else
            PlaceMissing();
        if (IsComplete)
            return;
        SendUnsent();
        if (IsWhole())
            Finish();
        else
            pool.Arm(this, Math.Min(DeadlineUs, pool.NowUs + (HasUnplaced() ? pool.Options.RetryDelayUs : DeadlineUs)));
    }

    /// <summary>A node that was acknowledged and then lost its memory holds nothing.</summary>
    private void DropLostPlaces()
    {
        for (var slot = 0; slot < _places.Length; slot++)
        {
            if (_places[slot].IsEmpty || _requests[slot] is not null || !_places[slot].Region.IsGone)
                continue;
            _places[slot] = default;
            _acknowledged &= ~(1u << slot);
        }
    }

    private void PlaceAll()
    {
        var length = pool.Roster.Granules(FragmentBytes);
        Span<FarNode> nodes = new FarNode[_places.Length];
        var chosen = pool.Roster.Choose(length, nodes);
        var needed = Needed();
        var next = 0;
        for (var slot = 0; slot < _places.Length; slot++)
        {
            if (Fragments[slot].Length == 0)
            {
                // With nodes for the whole width an unused slot keeps its place in the layout, so that sets pair up later.
                next += chosen == _places.Length ? 1 : 0;
                continue;
            }
            if (next < chosen)
                Take(slot, nodes[next++]);
        }
        if (Placed() < needed)
            SettleFor(needed);
    }

    private void PlaceMissing()
    {
        var length = pool.Roster.Granules(FragmentBytes);
        var taken = new FarNode?[_places.Length + _failed.Count];
        for (var slot = 0; slot < _places.Length; slot++)
        {
            if (!IsUnplaced(slot))
                continue;
            for (var i = 0; i < _places.Length; i++)
                taken[i] = _places[i].IsEmpty ? null : _places[i].Node;
            for (var i = 0; i < _failed.Count; i++)
                taken[_places.Length + i] = _failed[i];
            if (pool.Roster.ChooseReplacement(length, taken, mayUseReserve: false) is { } node)
                Take(slot, node);
        }
        if (HasUnplaced())
            SettleFor(Needed());
    }

    private void Take(int slot, FarNode node) =>
        _places[slot] = pool.Roster.Take(node, FragmentBytes, pool.NextGeneration(), Checksums[slot]);

    /// <summary>Not every fragment has a node: leave parities out where that is allowed, wait where it can help, else refuse.</summary>
    private void SettleFor(int needed)
    {
        var answering = 0;
        var returning = 0;
        var roomMayCome = false;
        foreach (var node in pool.Roster.Nodes)
        {
            answering += node.TakesWrites ? 1 : 0;
            returning += node.Health == NodeHealth.Suspect && !node.IsDraining ? 1 : 0;
            if (!node.TakesWrites)
                continue;
            // Room in pieces too small counts as none, so a node that could not take this is asked for more as well.
            pool.AskRegion(node);
            roomMayCome |= node.IsRegionAsked || node.IsUnlisted;
        }
        var allowed = pool.Options.DegradedWriteMissingMax;
        if (answering < needed)
        {
            if (allowed > 0 && answering >= needed - allowed)
                LeaveOut(needed - Math.Max(answering, needed - allowed));
            else if (answering + returning < needed)
                Fail(new WriteOutcome(WriteStatus.TooFewNodes, needed, answering));
        }
        else if (!roomMayCome && returning == 0 && _failed.Count == 0)
        {
            if (HasUnplaced())
                Fail(new WriteOutcome(WriteStatus.NoSpace));
        }
    }

    private void LeaveOut(int count)
    {
        // A data fragment without a node takes over the node of a parity: only parities may be missing.
        for (var parity = _places.Length - 1; parity >= pool.Code.DataFragments && count > 0; parity--)
        {
            if ((_leftOut >> parity & 1) != 0)
            {
                count--;
                continue;
            }
            if (!IsUnplaced(parity))
            {
                if (_requests[parity] is { } request)
                    pool.Cancel(request);
                _requests[parity] = null;
                pool.Free(_places[parity]);
                _places[parity] = default;
                _acknowledged &= ~(1u << parity);
            }
            _leftOut |= 1u << parity;
            count--;
        }
        for (var slot = 0; slot < _places.Length; slot++)
        {
            if (!IsUnplaced(slot))
                continue;
            var taken = new FarNode?[_places.Length];
            for (var i = 0; i < _places.Length; i++)
                taken[i] = _places[i].IsEmpty ? null : _places[i].Node;
            if (pool.Roster.ChooseReplacement(pool.Roster.Granules(FragmentBytes), taken, mayUseReserve: false) is { } node)
                Take(slot, node);
        }
    }

    private void SendUnsent()
    {
        for (var slot = 0; slot < _places.Length; slot++)
        {
            if (_places[slot].IsEmpty || _requests[slot] is not null || (_acknowledged >> slot & 1) != 0)
                continue;
            var request = pool.Prepare(NodeOperation.Write, _places[slot], this, slot);
            request.Payload = Fragments[slot];
            request.Checksum = Checksums[slot];
            _requests[slot] = request;
            pool.Tally.FragmentBytesWritten += FragmentBytes;
            pool.SendTimed(request);
        }
    }

    private void Finish()
    {
        var set = pool.Table.AddSet(pool.Code.DataFragments, pool.Code.ParityFragments, FragmentBytes);
        for (var slot = 0; slot < _places.Length; slot++)
        {
            // A parity left out keeps its checksum: what is rebuilt later must have it.
            var isLeftOut = (_leftOut >> slot & 1) != 0;
            set.Places[slot] = isLeftOut ? default(FragmentPlace) with { LengthBytes = FragmentBytes, Checksum = Checksums[slot] } : _places[slot];
            _places[slot] = default;
        }
        set.Unwritten = _leftOut;
        for (var i = 0; i < SpanCount; i++)
            Ids[i] = pool.Table.AddSpan(set, i, SpanBytes);
        pool.Tally.SetsWritten++;
        pool.Tally.SpanBytesWritten += (long)SpanCount * SpanBytes;
        pool.Tally.LiveBytes += (long)SpanCount * SpanBytes;
        pool.Changed(set);
        if (set.NeedsRebuild())
            pool.Rebuilds.Enqueue(set);
        Complete(new WriteOutcome(_leftOut == 0 ? WriteStatus.Written : WriteStatus.WrittenDegraded));
    }

    private void Fail(WriteOutcome outcome)
    {
        for (var slot = 0; slot < _places.Length; slot++)
        {
            if (_requests[slot] is { } request)
                pool.Cancel(request);
            _requests[slot] = null;
            pool.Free(_places[slot]);
            _places[slot] = default;
        }
        Complete(outcome);
    }

    private void Complete(WriteOutcome outcome)
    {
        Outcome = outcome;
        IsComplete = true;
        pool.Arm(this, 0);
        pool.Actions.Add(new PoolAction(PoolActionKind.CompleteWrite, Operation: this));
    }

    private bool IsUnplaced(int slot) => Fragments[slot].Length != 0 && _places[slot].IsEmpty && (_leftOut >> slot & 1) == 0;

    private bool HasUnplaced()
    {
        for (var slot = 0; slot < _places.Length; slot++)
        {
            if (IsUnplaced(slot))
                return true;
        }
        return false;
    }

    private bool IsWhole()
    {
        for (var slot = 0; slot < _places.Length; slot++)
        {
            if (Fragments[slot].Length != 0 && ((_acknowledged | _leftOut) >> slot & 1) == 0)
                return false;
        }
        return true;
    }

    private int Needed()
    {
        var count = 0;
        for (var slot = 0; slot < Fragments.Length; slot++)
            count += Fragments[slot].Length != 0 ? 1 : 0;
        return count;
    }

    private int Placed()
    {
        var count = 0;
        foreach (var place in _places)
            count += place.IsEmpty ? 0 : 1;
        return count;
    }
}
