using Fathom.FarMemory.Identity;

namespace Fathom.FarMemory.Placement;

/// <summary>A region as the directory allotted it to this process.</summary>
/// <param name="Region">Its id.</param>
/// <param name="Node">Where it is.</param>
/// <param name="Incarnation">The life of the node that registered it; another one does not have its bytes.</param>
/// <param name="Epoch">Fencing epoch under which it may be used.</param>
/// <param name="Bytes">Room for fragments.</param>
internal readonly record struct RegionGrant(RegionId Region, NodeId Node, Incarnation Incarnation, Epoch Epoch, long Bytes);

/// <summary>A region in use: its grant and which of its granules are taken.</summary>
/// <remarks>Owned by the pool's state machine.</remarks>
internal sealed class FarRegion(FarNode node, RegionGrant grant, int granuleBytes)
{
    public FarNode Node { get; } = node;

    public RegionGrant Grant { get; } = grant;

    public GranuleAllocator Granules { get; } = new((int)Math.Min(int.MaxValue, grant.Bytes / granuleBytes));

    /// <summary>No fragment stands in it.</summary>
    public bool IsUnused => Granules.Free == Granules.Count;

    /// <summary>The node lost it: nothing that stood here can be read again.</summary>
    public bool IsGone { get; set; }
}
