using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Placement;
using Fathom.FarMemory.Transports;

namespace Fathom.FarMemory.Hosting;

/// <summary>
/// What a compute process asks of a region directory: one in this process, or one behind a connection. Each call is bounded in time
/// and may fail when the directory is away; none is on the path of a swap.
/// </summary>
internal interface IDirectoryCalls : IDisposable
{
    /// <summary>Begins a lease.</summary>
    bool TryOpen(out DirectoryLease lease);

    /// <summary>Renews the lease, says how the pool is, and tells which nodes there are; null when the directory is away.</summary>
    DirectoryView? Poll(DirectoryLease lease, in PoolReport report);

    /// <summary>A region on a node, registered there; false when there is no room, or nobody answers.</summary>
    bool TryAllot(DirectoryLease lease, NodeId node, out RegionGrant grant);

    /// <summary>Gives back every region on a node.</summary>
    void Release(DirectoryLease lease, NodeId node);

    /// <summary>Ends the lease: all regions go back.</summary>
    void Close(DirectoryLease lease);
}

/// <summary>What a compute process got with its lease.</summary>
/// <param name="Owner">Its id.</param>
/// <param name="Epoch">Its fencing epoch.</param>
internal readonly record struct DirectoryLease(ComputeId Owner, Epoch Epoch);

/// <summary>How the directory sees a node.</summary>
internal enum DirectoryNodeState : byte
{
    /// <summary>Not met yet.</summary>
    Unknown,

    /// <summary>It answers.</summary>
    Up,

    /// <summary>It answers, and wants to leave.</summary>
    Draining,

    /// <summary>It stopped answering.</summary>
    Down,
}

/// <summary>One node in a <see cref="DirectoryView"/>.</summary>
internal readonly record struct DirectoryNode(NodeId Id, NodeEndpoint Endpoint, Incarnation Incarnation, DirectoryNodeState State);

/// <summary>The directory's answer to a poll.</summary>
/// <param name="IsFenced">The lease ran out: its regions belong to others now.</param>
/// <param name="Nodes">All nodes, met or not.</param>
internal sealed record DirectoryView(bool IsFenced, IReadOnlyList<DirectoryNode> Nodes);
