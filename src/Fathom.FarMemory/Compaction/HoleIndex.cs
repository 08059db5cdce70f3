using System.Numerics;
using Fathom.FarMemory.SpanSets;
using Fathom.Memory;

namespace Fathom.FarMemory.Compaction;

/// <summary>
/// Sets with dead slots, by the nodes of their live and of their dead slots, so that two are found of which one's live spans stand on
/// the nodes of the other's dead slots: then the joined set keeps its nodes, and both bytes of every delta are on one node.
/// </summary>
/// <remarks>Owned by the pool's state machine. Beyond 64 nodes bits are shared; <see cref="TryMap"/> looks at the nodes themselves.</remarks>
internal sealed class HoleIndex
{
    private const int CandidatesMax = 8;

    private readonly Dictionary<(int FragmentBytes, ulong Nodes), List<SpanSet>> _byLive = [];
    private readonly Dictionary<(int FragmentBytes, ulong Nodes), List<SpanSet>> _byDead = [];
    private readonly Queue<SpanSet> _fresh = new();
    private readonly List<SpanSet> _all = [];
    private int _cursor;

    /// <summary>Files the set under its present state, or takes it out when it has no hole.</summary>
    public void Update(SpanSet set)
    {
        Remove(set);
        if (set.DeadMask == 0 || set.Damaged != 0 || set.Unwritten != 0)
            return;
        set.HoleKey = new HoleKey(set.FragmentBytes, NodesOf(set, set.LiveMask), NodesOf(set, set.DeadMask));
        set.HolePositions = (
            Add(ListOf(_byLive, (set.FragmentBytes, set.HoleKey.LiveNodes)), set),
            Add(ListOf(_byDead, (set.FragmentBytes, set.HoleKey.DeadNodes)), set),
            Add(_all, set));
        if (!set.IsFreshHole)
        {
            set.IsFreshHole = true;
            _fresh.Enqueue(set);
        }
    }

    public void Remove(SpanSet set)
    {
        if (set.HoleKey.FragmentBytes == 0)
            return;
        var (live, dead, all) = set.HolePositions;
        if (TakeOut(_byLive[(set.HoleKey.FragmentBytes, set.HoleKey.LiveNodes)], set, live) is { } movedLive)
            movedLive.HolePositions = movedLive.HolePositions with { Live = live };
        if (TakeOut(_byDead[(set.HoleKey.FragmentBytes, set.HoleKey.DeadNodes)], set, dead) is { } movedDead)
            movedDead.HolePositions = movedDead.HolePositions with { Dead = dead };
        if (TakeOut(_all, set, all) is { } moved)
            moved.HolePositions = moved.HolePositions with { All = all };
        set.HoleKey = default;
    }

    /// <summary>Two sets of which one can take all live spans of the other.</summary>
    /// <param name="partial">Also pairs that leave holes in the joined set, some of them looked at each time.</param>
    /// <param name="survivor">The one that stays.</param>
    /// <param name="donor">The one whose live spans fill holes of the survivor.</param>
    public bool TryPick(bool partial, out SpanSet survivor, out SpanSet donor)
    {
        while (_fresh.TryDequeue(out var set))
        {
            set.IsFreshHole = false;
            if (set.HoleKey.FragmentBytes == 0)
                continue;
            if (TryTake(set, set.HoleKey.DeadNodes, out donor))
            {
                survivor = set;
                return true;
            }
            if (TryGive(set, out survivor))
            {
                donor = set;
                return true;
            }
        }
        const int setsAStep = 64;
        for (var step = 0; partial && step < Math.Min(setsAStep, _all.Count); step++)
        {
            _cursor = (_cursor + 1) % _all.Count;
            survivor = _all[_cursor];
            // All ways to fill some of the holes, the fullest first as far as counting down the bits goes.
            var holes = survivor.HoleKey.DeadNodes;
            for (var nodes = holes; nodes != 0; nodes = (nodes - 1) & holes)
            {
                if (TryTake(survivor, nodes, out donor))
                    return true;
            }
        }
        (survivor, donor) = (null!, null!);
        return false;
    }

    /// <summary>For each live slot of the donor the dead slot of the survivor on the same node.</summary>
    /// <returns>False when some live span has no such slot, or a fragment that it takes is not there.</returns>
    public static bool TryMap(SpanSet survivor, SpanSet donor, List<(int Slot, int DonorSlot)> pairs)
    {
        pairs.Clear();
        if (survivor == donor)
            return false;
        for (var slot = 0; slot < survivor.Slots; slot++)
        {
            if (!IsUsable(survivor, slot))
                return false;
        }
        for (var donorSlot = 0; donorSlot < donor.DataFragments; donorSlot++)
        {
            if ((donor.LiveMask >> donorSlot & 1) == 0)
                continue;
            var slot = 0;
            while (slot < survivor.DataFragments
                && ((survivor.DeadMask >> slot & 1) == 0 || survivor.Places[slot].Node != donor.Places[donorSlot].Node))
                slot++;
            if (slot == survivor.DataFragments || !IsUsable(donor, donorSlot))
                return false;
            pairs.Add((slot, donorSlot));
        }
        return pairs.Count > 0;
    }

    private bool TryTake(SpanSet survivor, ulong nodes, out SpanSet donor) =>
        TryFind(_byLive, (survivor.FragmentBytes, nodes), survivor, isSurvivor: true, out donor);

    private bool TryGive(SpanSet donor, out SpanSet survivor) =>
        TryFind(_byDead, (donor.FragmentBytes, donor.HoleKey.LiveNodes), donor, isSurvivor: false, out survivor);

    private static bool TryFind(
        Dictionary<(int, ulong), List<SpanSet>> index, (int, ulong) key, SpanSet set, bool isSurvivor, out SpanSet other)
    {
        other = null!;
        if (!index.TryGetValue(key, out var sets))
            return false;
        var pairs = new List<(int, int)>();
        for (var i = 1; i <= Math.Min(sets.Count, CandidatesMax); i++)
        {
            other = sets[^i];
            var (survivor, donor) = isSurvivor ? (set, other) : (other, set);
            // Fewer spans to join in is fewer transfers.
            if (BitOperations.PopCount(donor.LiveMask) <= BitOperations.PopCount(survivor.LiveMask) && TryMap(survivor, donor, pairs))
                return true;
        }
        return false;
    }

    private static bool IsUsable(SpanSet set, int slot) =>
        set.Places[slot].IsEmpty || (!set.IsMissing(slot) && set.Places[slot].Node.TakesWrites);

    private static ulong NodesOf(SpanSet set, uint slots)
    {
        var nodes = 0UL;
        for (var slot = 0; slot < set.DataFragments; slot++)
        {
            if ((slots >> slot & 1) != 0)
                nodes |= 1UL << (set.Places[slot].Node.Ordinal & 63);
        }
        return nodes;
    }

    private static List<SpanSet> ListOf(Dictionary<(int, ulong), List<SpanSet>> index, (int, ulong) key)
    {
        if (!index.TryGetValue(key, out var sets))
            index.Add(key, sets = []);
        return sets;
    }

    private static int Add(List<SpanSet> sets, SpanSet set)
    {
        sets.Add(set);
        return sets.Count - 1;
    }

    private static SpanSet? TakeOut(List<SpanSet> sets, SpanSet set, int position)
    {
        Invariant.Check(sets[position] == set);
        var last = sets[^1];
        sets[position] = last;
        sets.RemoveAt(sets.Count - 1);
        return last == set ? null : last;
    }
}
