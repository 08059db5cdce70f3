using Fathom.FarMemory.SpanSets;
using Fathom.Memory;

namespace Fathom.FarMemory.Compaction;

/// <summary>
/// Sets with dead slots, by layout and fragment length, so that two whose holes complement each other are found. Slot i of sets with
/// one layout stands on one node, which is what keeps deltas local and the nodes of the joined set different.
/// </summary>
/// <remarks>Owned by the pool's state machine.</remarks>
internal sealed class HoleIndex(int dataFragments)
{
    private readonly Dictionary<(ulong Layout, int FragmentBytes), Bucket> _buckets = [];
    private readonly List<Bucket> _order = [];
    private readonly Queue<Bucket> _dirty = new();
    private int _cursor;

    /// <summary>Files the set under its present state, or takes it out when it has no hole.</summary>
    public void Update(SpanSet set)
    {
        Remove(set);
        if (set.DeadMask == 0 || set.Damaged != 0 || set.Unwritten != 0)
            return;
        var key = (LayoutOf(set), set.FragmentBytes);
        if (!_buckets.TryGetValue(key, out var bucket))
        {
            _buckets.Add(key, bucket = new Bucket(1 << dataFragments));
            _order.Add(bucket);
        }
        set.HoleKey = new HoleKey(key.Item1, key.FragmentBytes, set.LiveMask);
        var sets = bucket.ByLiveMask[set.LiveMask] ??= [];
        set.HolePosition = sets.Count;
        sets.Add(set);
        if (!bucket.IsDirty)
        {
            bucket.IsDirty = true;
            _dirty.Enqueue(bucket);
        }
    }

    public void Remove(SpanSet set)
    {
        if (set.HoleKey.FragmentBytes == 0)
            return;
        var sets = _buckets[(set.HoleKey.Layout, set.HoleKey.FragmentBytes)].ByLiveMask[set.HoleKey.LiveMask]!;
        Invariant.Check(sets[set.HolePosition] == set);
        var last = sets[^1];
        sets[set.HolePosition] = last;
        last.HolePosition = set.HolePosition;
        sets.RemoveAt(sets.Count - 1);
        set.HoleKey = default;
    }

    /// <summary>Two sets of which one can take all live spans of the other.</summary>
    /// <param name="partial">Also pairs that leave holes in the joined set.</param>
    /// <param name="survivor">The one that stays.</param>
    /// <param name="donor">The one whose live spans fill holes of the survivor.</param>
    public bool TryPick(bool partial, out SpanSet survivor, out SpanSet donor)
    {
        while (_dirty.TryPeek(out var bucket))
        {
            if (TryPair(bucket, partial: false, out survivor, out donor))
                return true;
            _dirty.Dequeue();
            bucket.IsDirty = false;
        }
        const int bucketsAStep = 32;
        for (var step = 0; partial && step < Math.Min(bucketsAStep, _order.Count); step++)
        {
            _cursor = (_cursor + 1) % _order.Count;
            if (TryPair(_order[_cursor], partial: true, out survivor, out donor))
                return true;
        }
        (survivor, donor) = (null!, null!);
        return false;
    }

    private bool TryPair(Bucket bucket, bool partial, out SpanSet survivor, out SpanSet donor)
    {
        var full = (1u << dataFragments) - 1;
        for (var mask = 1u; mask < full; mask++)
        {
            if (bucket.ByLiveMask[mask] is not { Count: > 0 } takers)
                continue;
            for (var other = 1u; other < full; other++)
            {
                var fits = partial ? (other & mask) == 0 : other == (full & ~mask);
                if (!fits || bucket.ByLiveMask[other] is not { Count: > 0 } givers)
                    continue;
                // Fewer spans to join in is fewer transfers; a slot that holds nothing cannot be replaced.
                if (System.Numerics.BitOperations.PopCount(other) > System.Numerics.BitOperations.PopCount(mask))
                    continue;
                if (TryMatch(takers, givers, out survivor, out donor) || TryMatch(givers, takers, out survivor, out donor))
                    return true;
            }
        }
        (survivor, donor) = (null!, null!);
        return false;
    }

    private static bool TryMatch(List<SpanSet> takers, List<SpanSet> givers, out SpanSet survivor, out SpanSet donor)
    {
        const int candidatesMax = 8;
        for (var i = 0; i < Math.Min(takers.Count, candidatesMax); i++)
        {
            for (var j = 0; j < Math.Min(givers.Count, candidatesMax); j++)
            {
                (survivor, donor) = (takers[^(i + 1)], givers[^(j + 1)]);
                if (survivor != donor && (donor.LiveMask & ~survivor.DeadMask) == 0 && CanJoin(survivor, donor))
                    return true;
            }
        }
        (survivor, donor) = (null!, null!);
        return false;
    }

    private static bool CanJoin(SpanSet survivor, SpanSet donor)
    {
        for (var slot = 0; slot < survivor.Slots; slot++)
        {
            if (!IsUsable(survivor, slot) || ((donor.LiveMask >> slot & 1) != 0 && !IsUsable(donor, slot)))
                return false;
        }
        for (var slot = 0; slot < donor.DataFragments; slot++)
        {
            if ((donor.LiveMask >> slot & 1) != 0 && donor.Places[slot].Node != survivor.Places[slot].Node)
                return false;
        }
        return true;
    }

    private static bool IsUsable(SpanSet set, int slot) =>
        set.Places[slot].IsEmpty || (!set.IsMissing(slot) && set.Places[slot].Node.TakesWrites);

    private static ulong LayoutOf(SpanSet set)
    {
        // FNV-1a over the nodes. Sets that collide are told apart by CanJoin.
        var hash = 14695981039346656037UL;
        for (var slot = 0; slot < set.Slots; slot++)
            hash = (hash ^ (set.Places[slot].IsEmpty ? ushort.MaxValue : (ulong)set.Places[slot].Node.Id.Value)) * 1099511628211UL;
        return hash;
    }

    private sealed class Bucket(int masks)
    {
        public List<SpanSet>?[] ByLiveMask { get; } = new List<SpanSet>?[masks];

        public bool IsDirty { get; set; }
    }
}
