using Fathom.FarMemory.Compaction;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Placement;

namespace Fathom.FarMemory.SpanSets;

/// <summary>What occupies a set exclusively. Reads need no occupation: nothing they read changes in place.</summary>
internal enum SetWork
{
    None,
    Compaction,
    Rebuild,
}

/// <summary>k data and m parity fragments that are decoded together. Fragments are never changed in place, only replaced.</summary>
/// <remarks>Owned by the pool's state machine. Slots 0 to k-1 are data, the rest parity.</remarks>
internal sealed class SpanSet(SpanSetId id, int dataFragments, int parityFragments, int fragmentBytes)
{
    public SpanSetId Id { get; } = id;

    public int DataFragments { get; } = dataFragments;

    public int FragmentBytes { get; } = fragmentBytes;

    public int Slots => Places.Length;

    /// <summary>Where each slot stands. An empty data place is zeros; an empty parity place is a parity not written yet.</summary>
    public FragmentPlace[] Places { get; } = new FragmentPlace[dataFragments + parityFragments];

    /// <summary>The live span of each data slot, zero where it is dead or empty. A split span stands in slot 0.</summary>
    public SpanId[] Spans { get; } = new SpanId[dataFragments];

    /// <summary>Slots whose bytes failed their checksum or that the node no longer knows: one bit each.</summary>
    public ulong Damaged { get; set; }

    /// <summary>Parities that a degraded write left out: one bit each.</summary>
    public ulong Unwritten { get; set; }

    /// <summary>Grows with every change of a place: a read that planned before plans again.</summary>
    public uint Version { get; set; }

    public SetWork Work { get; set; }

    /// <summary>Waits for a rebuild.</summary>
    public bool IsQueued { get; set; }

    /// <summary>Its lost spans have been reported.</summary>
    public bool IsLossReported { get; set; }

    /// <summary>Every span in it was released; its places go back as soon as no work holds it.</summary>
    public bool IsDead => LiveMask == 0;

    /// <summary>No longer in the pool.</summary>
    public bool IsRemoved { get; set; }

    /// <summary>Data slots with a live span.</summary>
    public uint LiveMask { get; private set; }

    /// <summary>Data slots whose bytes are dead but still members of the code word.</summary>
    public uint DeadMask { get; private set; }

    /// <summary>Not compacted before this time: the last try failed.</summary>
    public long CompactAfterUs { get; set; }

    /// <summary>Waits for that time.</summary>
    public bool IsCooling { get; set; }

    /// <summary>Where the set stands in the index of holes; owned by that index.</summary>
    public HoleKey HoleKey { get; set; }

    /// <summary>Positions in the lists of that index; owned by it.</summary>
    public (int Live, int Dead, int All) HolePositions { get; set; }

    /// <summary>Waits to be paired; owned by that index.</summary>
    public bool IsFreshHole { get; set; }

    public void SetLive(int slot, SpanId span)
    {
        Spans[slot] = span;
        LiveMask |= 1u << slot;
        DeadMask &= ~(1u << slot);
    }

    public void SetDead(int slot)
    {
        Spans[slot] = default;
        LiveMask &= ~(1u << slot);
        DeadMask |= 1u << slot;
    }

    /// <summary>The slot takes part in decoding as known zeros.</summary>
    public bool IsZero(int slot) => slot < DataFragments && Places[slot].IsEmpty;

    /// <summary>Nothing of this slot can be read as far as is known: its node is down, has lost it, or it was never written.</summary>
    public bool IsMissing(int slot)
    {
        var mark = 1UL << slot;
        if ((Damaged & mark) != 0 || (Unwritten & mark) != 0)
            return true;
        var place = Places[slot];
        return !place.IsEmpty && (place.Region.IsGone || place.Node.Health == NodeHealth.Down);
    }

    /// <summary>Slots that can be decoded from: present or known zeros.</summary>
    public int PresentCount()
    {
        var count = 0;
        for (var slot = 0; slot < Slots; slot++)
            count += IsMissing(slot) ? 0 : 1;
        return count;
    }

    /// <summary>Some slot is missing, or stands on a node that wants to leave.</summary>
    public bool NeedsRebuild()
    {
        for (var slot = 0; slot < Slots; slot++)
        {
            if (IsMissing(slot) || (!Places[slot].IsEmpty && Places[slot].Node.IsDraining))
                return true;
        }
        return false;
    }
}
