using System.Globalization;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Placement;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.SpanSets;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.Simulation;

/// <summary>
/// What must hold, judged from outside: a model of the acknowledged bytes, the nodes' memory as it is, and a record of which fragments
/// the injected faults have destroyed. From the pool it takes only where it believes things to stand.
/// </summary>
internal sealed class ClusterChecks(SimCluster cluster, Action<string> fail)
{
    private readonly HashSet<(NodeId, RegionId, ulong, Generation)> _flipped = [];
    private readonly Dictionary<SpanId, byte[]> _model = [];

    /// <summary>Acknowledged and not released, with their bytes.</summary>
    public IReadOnlyDictionary<SpanId, byte[]> Model => _model;

    public void Acknowledged(SpanId span, byte[] bytes)
    {
        if (!_model.TryAdd(span, bytes))
            Fail($"span {span.Value} was given out twice");
    }

    public void Released(SpanId span) => _model.Remove(span);

    public void Flipped(NodeId node, in FragmentRange at) => _flipped.Add((node, at.Region, at.Offset, at.Generation));

    /// <summary>Bytes of a span that a read has delivered.</summary>
    public void ReadDelivered(SpanId span, ReadOnlySpan<byte> bytes)
    {
        if (!_model.TryGetValue(span, out var expected))
            Fail($"a read of span {span.Value} delivered bytes of a span that is not there");
        else if (!bytes.SequenceEqual(expected))
            Fail($"a read of span {span.Value} delivered wrong bytes");
    }

    /// <summary>A loss is justified when fewer than k fragments stand intact on nodes that have been well for a while.</summary>
    public void ReadLost(SpanId span)
    {
        if (!_model.ContainsKey(span))
            return;
        if (!cluster.Pool.Machine.Core.Table.TryGet(span, out var set, out _, out _))
        {
            Fail($"span {span.Value} is acknowledged and not in the pool");
            return;
        }
        var sound = 0;
        for (var slot = 0; slot < set.Slots; slot++)
        {
            if (set.IsZero(slot) || (IsIntact(set.Places[slot], out _) && cluster.IsWell(set.Places[slot].Node.Id)))
                sound++;
        }
        if (sound >= set.DataFragments)
            Fail($"span {span.Value} was called lost though {sound} of its set's fragments are intact");
    }

    /// <summary>Every fragment that no fault destroyed is there, and every code word of intact data fragments is one.</summary>
    public void CheckSets()
    {
        var table = cluster.Pool.Machine.Core.Table;
        for (var i = 1; i < table.SetsEnd; i++)
        {
            if (table.SetAt(i) is { } set)
                CheckSet(set);
        }
    }

    /// <summary>Fragments of the set that faults have destroyed, or that it never had.</summary>
    public int Destroyed(SpanSet set)
    {
        var destroyed = 0;
        for (var slot = 0; slot < set.Slots; slot++)
            destroyed += set.IsZero(slot) || IsIntact(set.Places[slot], out _) ? 0 : 1;
        return destroyed;
    }

    /// <summary>Nothing is owed: every set is whole, and the pool's books agree with what stands in its tables.</summary>
    /// <returns>What is missing, or null.</returns>
    public string? Unfinished()
    {
        var core = cluster.Pool.Machine.Core;
        var granules = 0L;
        for (var i = 1; i < core.Table.SetsEnd; i++)
        {
            if (core.Table.SetAt(i) is not { } set)
                continue;
            var destroyed = Destroyed(set);
            if (destroyed > 0 && destroyed <= set.Slots - set.DataFragments)
                return string.Create(CultureInfo.InvariantCulture, $"set {i} still misses {destroyed} fragments");
            if (set.Work != SetWork.None)
                return string.Create(CultureInfo.InvariantCulture, $"set {i} is still under {set.Work}");
            foreach (var place in set.Places)
                granules += place.IsEmpty || place.Region.IsGone ? 0 : core.Roster.Granules(place.LengthBytes);
        }
        return granules == core.Roster.UsedGranules
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"{core.Roster.UsedGranules} granules are taken, {granules} are used");
    }

    /// <summary>Spans that cannot be had any more, judged by what stands intact on the nodes.</summary>
    public HashSet<SpanId> TrulyLost()
    {
        var lost = new HashSet<SpanId>();
        foreach (var span in _model.Keys)
        {
            if (!cluster.Pool.Machine.Core.Table.TryGet(span, out var set, out var slot, out _))
            {
                Fail($"span {span.Value} is acknowledged and not in the pool");
                continue;
            }
            var isSplit = cluster.Pool.Machine.Core.Options.Scheme == RedundancyScheme.ErasureSplit;
            var hasOwn = !isSplit && IsIntact(set.Places[slot], out _);
            if (!hasOwn && set.Slots - Destroyed(set) < set.DataFragments)
                lost.Add(span);
        }
        return lost;
    }

    private void CheckSet(SpanSet set)
    {
        var data = new byte[]?[set.DataFragments];
        var canEncode = true;
        for (var slot = 0; slot < set.Slots; slot++)
        {
            var place = set.Places[slot];
            if (place.IsEmpty)
                continue;
            if (!IsIntact(place, out var bytes))
            {
                canEncode &= slot >= set.DataFragments;
                if (!IsExcused(place))
                    Fail($"fragment {slot} of set {set.Id.Value} is gone from node {place.Node.Id.Value}, and no fault took it");
                continue;
            }
            if (slot < set.DataFragments)
            {
                data[slot] = bytes;
                CheckAgainstModel(set, slot, bytes);
            }
            else if (canEncode && !bytes.AsSpan().SequenceEqual(IndependentCode.Parity(data, slot - set.DataFragments, bytes.Length)))
            {
                Fail($"parity {slot - set.DataFragments} of set {set.Id.Value} does not belong to its data");
            }
        }
    }

    private void CheckAgainstModel(SpanSet set, int slot, byte[] bytes)
    {
        var isSplit = cluster.Pool.Machine.Core.Options.Scheme == RedundancyScheme.ErasureSplit;
        var span = set.Spans[isSplit ? 0 : slot];
        if (span.Value == 0 || !_model.TryGetValue(span, out var expected))
            return;
        var start = isSplit ? slot * set.FragmentBytes : 0;
        if (!bytes.AsSpan().SequenceEqual(expected.AsSpan(start, set.FragmentBytes)))
            Fail($"span {span.Value} has other bytes on its node than were acknowledged");
    }

    private bool IsIntact(in FragmentPlace place, out byte[] bytes)
    {
        bytes = [];
        if (place.IsEmpty)
            return false;
        var node = cluster.Node(place.Node.Id);
        return node.IsAlive && node.Incarnation == place.Region.Grant.Incarnation
            && node.Store.Read(place.Range, out bytes, out _) == WireStatus.Done && Crc32C.Compute(bytes) == place.Checksum;
    }

    private bool IsExcused(in FragmentPlace place)
    {
        var node = cluster.Node(place.Node.Id);
        return !node.IsAlive || node.Incarnation != place.Region.Grant.Incarnation
            || _flipped.Contains((place.Node.Id, place.Region.Grant.Region, (ulong)place.OffsetBytes, place.Generation));
    }

    private void Fail(FormattableString violation) => fail(violation.ToString(CultureInfo.InvariantCulture));
}
