using Fathom.FarMemory.Identity;

namespace Fathom.FarMemory.Placement;

/// <summary>The nodes of a pool, their regions, and who takes the fragments of the next set.</summary>
/// <remarks>Owned by the pool's state machine.</remarks>
internal sealed class NodeRoster(int granuleBytes, double reserveShare)
{
    private readonly List<FarNode> _nodes = [];
    private int _nextLayout;

    /// <summary>All nodes ever seen, by id.</summary>
    public IReadOnlyList<FarNode> Nodes => _nodes;

    /// <summary>Granules taken, over all regions that are not gone.</summary>
    public long UsedGranules { get; private set; }

    public FarNode Get(NodeId id)
    {
        foreach (var node in _nodes)
        {
            if (node.Id == id)
                return node;
        }
        var added = new FarNode(id, _nodes.Count);
        var at = _nodes.FindIndex(node => node.Id.Value > id.Value);
        _nodes.Insert(at < 0 ? _nodes.Count : at, added);
        return added;
    }

    public FarRegion Add(RegionGrant grant)
    {
        var node = Get(grant.Node);
        var region = new FarRegion(node, grant, granuleBytes);
        node.Regions.Add(region);
        return region;
    }

    /// <summary>A region's bytes are lost with the life of the node that held them.</summary>
    public void Drop(FarRegion region)
    {
        if (region.IsGone)
            return;
        region.IsGone = true;
        UsedGranules -= region.Grant.Bytes / granuleBytes - region.Granules.Free;
        region.Node.Regions.Remove(region);
    }

    public int NodesTakingWrites()
    {
        var count = 0;
        foreach (var node in _nodes)
            count += node.TakesWrites ? 1 : 0;
        return count;
    }

    /// <summary>
    /// Chooses different nodes for the fragments of a set: consecutive ones by id, starting where the tightest of them has most room.
    /// Few layouts, used again and again, are what lets compaction find pairs of sets with slot i on the same node.
    /// </summary>
    /// <returns>How many nodes were chosen; fewer than asked when there are not enough.</returns>
    public int Choose(int lengthGranules, Span<FarNode> chosen)
    {
        var usable = 0;
        Span<int> indexes = stackalloc int[_nodes.Count];
        Span<long> rooms = stackalloc long[_nodes.Count];
        for (var i = 0; i < _nodes.Count; i++)
        {
            rooms[i] = _nodes[i].FreeBeyond(reserveShare);
            if (_nodes[i].TakesWrites && rooms[i] >= lengthGranules)
                indexes[usable++] = i;
        }
        var width = Math.Min(chosen.Length, usable);
        if (width == 0)
            return 0;
        var best = 0;
        var bestRoom = -1L;
        for (var step = 0; step < usable; step++)
        {
            var start = (_nextLayout + step) % usable;
            var room = long.MaxValue;
            for (var i = 0; i < width; i++)
                room = Math.Min(room, rooms[indexes[(start + i) % usable]] / lengthGranules / 8);
            if (room > bestRoom)
            {
                bestRoom = room;
                best = start;
            }
        }
        _nextLayout = best + 1;
        for (var i = 0; i < width; i++)
            chosen[i] = _nodes[indexes[(best + i) % usable]];
        return width;
    }

    /// <summary>The node with most room that is none of <paramref name="taken"/>, or null.</summary>
    /// <param name="lengthGranules">What it must have room for.</param>
    /// <param name="taken">Nodes that have a fragment of the set, or failed to take one.</param>
    /// <param name="mayUseReserve">Recovery may use what swap-outs leave.</param>
    public FarNode? ChooseReplacement(int lengthGranules, ReadOnlySpan<FarNode?> taken, bool mayUseReserve)
    {
        var bestRoom = lengthGranules - 1L;
        FarNode? best = null;
        foreach (var node in _nodes)
        {
            var room = node.FreeBeyond(mayUseReserve ? 0 : reserveShare);
            if (!node.TakesWrites || room <= bestRoom)
                continue;
            var isTaken = false;
            foreach (var other in taken)
                isTaken |= other == node;
            if (!isTaken)
                (best, bestRoom) = (node, room);
        }
        return best;
    }

    /// <summary>Takes room for a fragment.</summary>
    /// <returns>Its place, or an empty one when the node has no such room in one piece.</returns>
    public FragmentPlace Take(FarNode node, int lengthBytes, Generation generation, uint checksum)
    {
        var length = Granules(lengthBytes);
        foreach (var region in node.Regions)
        {
            var start = region.IsGone ? -1 : region.Granules.Take(length);
            if (start < 0)
                continue;
            UsedGranules += length;
            return new FragmentPlace(region, start, (long)start * granuleBytes, lengthBytes, generation, checksum);
        }
        return default;
    }

    /// <summary>Gives the room back. What the network still holds back for it is older than whatever is placed there next.</summary>
    public void Give(in FragmentPlace place)
    {
        if (place.IsEmpty || place.Region.IsGone)
            return;
        var length = Granules(place.LengthBytes);
        place.Region.Granules.Give(place.Granule, length);
        UsedGranules -= length;
    }

    public int Granules(int lengthBytes) => (lengthBytes + granuleBytes - 1) / granuleBytes;
}
