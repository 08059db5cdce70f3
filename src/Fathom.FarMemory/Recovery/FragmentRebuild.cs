using Fathom.FarMemory.Placement;
using Fathom.FarMemory.SpanSets;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.Recovery;

/// <summary>
/// One fragment on its way to a new place: the new node pulls k others and adds them up, or, when the old node merely wants to leave,
/// pulls the fragment itself. It counts from the moment the sum has the checksum that the fragment always had.
/// </summary>
/// <remarks>Owned by the pool's state machine; travels in a <see cref="RebuildBatch"/>.</remarks>
internal sealed class FragmentRebuild
{
    private readonly PoolCore _pool;
    private readonly SpanSet _set;
    private readonly int _slot;
    private readonly FragmentPlace _target;
    private readonly PullSource[] _sources;
    private readonly int[] _sourceSlots;

    private FragmentRebuild(PoolCore pool, SpanSet set, int slot, FragmentPlace target, PullSource[] sources, int[] sourceSlots)
    {
        _pool = pool;
        _set = set;
        _slot = slot;
        _target = target;
        _sources = sources;
        _sourceSlots = sourceSlots;
    }

    /// <summary>Plans the most urgent fragment of the set, or returns null when nothing can be done for it now.</summary>
    public static FragmentRebuild? TryPlan(PoolCore pool, SpanSet set)
    {
        for (var slot = 0; slot < set.Slots; slot++)
        {
            if (set.IsMissing(slot) && TryPlan(pool, set, slot, mayCopy: false) is { } rebuild)
                return rebuild;
        }
        for (var slot = 0; slot < set.Slots; slot++)
        {
            if (!set.IsMissing(slot) && !set.Places[slot].IsEmpty && set.Places[slot].Node.IsDraining
                && TryPlan(pool, set, slot, mayCopy: true) is { } move)
                return move;
        }
        return null;
    }

    /// <summary>The node that makes it.</summary>
    public FarNode Target => _target.Node;

    public long Bytes => _target.LengthBytes;

    public FragmentPull Pull => new(_target.Range, _target.Checksum, _sources);

    public void Start() => _pool.Occupy(_set, SetWork.Rebuild);

    public void End(in PullOutcome outcome)
    {
        var isRebuilt = outcome.Status == WireStatus.Done && !_target.Region.IsGone && !_pool.IsFenced;
        if (isRebuilt)
        {
            _pool.Free(_set.Places[_slot]);
            _set.Places[_slot] = _target;
            _set.Damaged &= ~(1UL << _slot);
            _set.Unwritten &= ~(1UL << _slot);
            _set.Version++;
            _pool.Tally.FragmentsRebuilt++;
            _pool.Tally.RebuiltBytes += _set.FragmentBytes;
        }
        else
        {
            _pool.Free(_target);
            NoteFailure(outcome);
        }
        _pool.Rebuilds.Ended(_set, Bytes, isRebuilt);
    }

    private static FragmentRebuild? TryPlan(PoolCore pool, SpanSet set, int slot, bool mayCopy)
    {
        var place = set.Places[slot];
        PullSource[] sources;
        int[] slots;
        if (mayCopy && place.Node.Health == NodeHealth.Up)
        {
            sources = [SourceOf(place, 1)];
            slots = [slot];
        }
        else if (!TryChooseSources(pool, set, slot, out sources, out slots))
        {
            return null;
        }
        var target = ChooseTarget(pool, set, slot);
        return target.IsEmpty ? null : new FragmentRebuild(pool, set, slot, target, sources, slots);
    }

    private static FragmentPlace ChooseTarget(PoolCore pool, SpanSet set, int slot)
    {
        var taken = new FarNode?[set.Slots];
        for (var i = 0; i < set.Slots; i++)
            taken[i] = i == slot || set.Places[i].IsEmpty ? null : set.Places[i].Node;
        var place = set.Places[slot];
        var length = pool.Roster.Granules(set.FragmentBytes);
        // A damaged fragment of a healthy node stays with it, so that layouts remain few.
        var stays = !place.IsEmpty && place.Node.TakesWrites && Array.IndexOf(taken, place.Node) < 0 && place.Node.FreeGranules >= length;
        var node = stays ? place.Node : pool.Roster.ChooseReplacement(length, taken, mayUseReserve: true);
        if (node is null)
        {
            foreach (var other in pool.Roster.Nodes)
            {
                if (Array.IndexOf(taken, other) < 0)
                    pool.AskRegion(other);
            }
            return default;
        }
        var target = pool.Roster.Take(node, set.FragmentBytes, pool.NextGeneration(), place.Checksum);
        if (target.IsEmpty)
            pool.AskRegion(node);
        return target;
    }

    private static bool TryChooseSources(PoolCore pool, SpanSet set, int slot, out PullSource[] sources, out int[] slots)
    {
        var k = set.DataFragments;
        Span<int> present = stackalloc int[k];
        var count = 0;
        // Another start each time: a peer that this target cannot reach is not asked for ever.
        var start = pool.Rebuilds.NextStart(set.Slots);
        foreach (var health in (ReadOnlySpan<NodeHealth>)[NodeHealth.Up, NodeHealth.Suspect])
        {
            for (var step = 0; step < set.Slots && count < k; step++)
            {
                var other = (start + step) % set.Slots;
                if (other == slot || set.IsMissing(other))
                    continue;
                var fits = set.IsZero(other) ? health == NodeHealth.Up : set.Places[other].Node.Health == health;
                if (fits)
                    present[count++] = other;
            }
        }
        sources = [];
        slots = [];
        if (count < k)
            return false;
        Span<byte> coefficients = stackalloc byte[k];
        pool.Code.Solve(present, slot, coefficients);
        var pulled = new List<PullSource>(k);
        var pulledSlots = new List<int>(k);
        for (var i = 0; i < k; i++)
        {
            if (set.IsZero(present[i]))
                continue;
            pulled.Add(SourceOf(set.Places[present[i]], coefficients[i]));
            pulledSlots.Add(present[i]);
        }
        sources = [.. pulled];
        slots = [.. pulledSlots];
        return true;
    }

    private static PullSource SourceOf(in FragmentPlace place, byte coefficient) =>
        new(place.Node.Id, place.Region.Grant.Incarnation, place.Range, place.Checksum, coefficient);

    private void NoteFailure(in PullOutcome outcome)
    {
        if (outcome.FailedNode == default || outcome.Status is not (WireStatus.Corrupt or WireStatus.PeerFailed or WireStatus.NoSuchFragment))
            return;
        foreach (var slot in _sourceSlots)
        {
            if (_set.Places[slot].IsEmpty || _set.Places[slot].Node.Id != outcome.FailedNode)
                continue;
            if (outcome.Status == WireStatus.Corrupt)
                _pool.MarkDamaged(_set, slot);
            else
                _pool.Scrubber.Check(_set, slot);
        }
    }
}
