namespace Fathom.FarMemory.Transports;

/// <summary>Who stands at the calling end of a connection to a node. The numbers are the wire format.</summary>
internal enum CallerRole : uint
{
    /// <summary>A compute process: reads, writes and frees in the regions that it owns.</summary>
    Compute = 1,

    /// <summary>The region directory: allots, releases and fences.</summary>
    Directory = 2,

    /// <summary>Another node, on behalf of a compute process.</summary>
    Peer = 3,
}

/// <summary>What a caller says of itself in its first frame.</summary>
/// <param name="Role">Who it is.</param>
/// <param name="Id">Compute id, node id, or the directory's own.</param>
/// <param name="Term">Fencing term of a directory; 0 for the others.</param>
internal readonly record struct CallerIdentity(CallerRole Role, ulong Id, ulong Term = 0);
