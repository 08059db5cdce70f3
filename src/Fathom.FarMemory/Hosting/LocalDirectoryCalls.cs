using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Placement;

namespace Fathom.FarMemory.Hosting;

/// <summary>A directory in this process; it stays its owner's.</summary>
internal sealed class LocalDirectoryCalls(RegionDirectory directory) : IDirectoryCalls
{
    public bool TryOpen(out DirectoryLease lease) => directory.TryOpen(out lease);

    public DirectoryView? Poll(DirectoryLease lease, in PoolReport report) => directory.IsReplaced ? null : directory.Poll(lease, report);

    public bool TryAllot(DirectoryLease lease, NodeId node, out RegionGrant grant) => directory.TryAllot(lease, node, out grant);

    public void Release(DirectoryLease lease, NodeId node) => directory.Release(lease, node);

    public void Close(DirectoryLease lease) => directory.Close(lease);

    public void Dispose()
    {
    }
}
