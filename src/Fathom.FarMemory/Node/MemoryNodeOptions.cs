using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Transports;

namespace Fathom.FarMemory.Node;

/// <summary>What a memory node is started with.</summary>
public sealed record MemoryNodeOptions
{
    /// <summary>Where it listens; port 0 lets the system choose.</summary>
    public required NodeEndpoint Listen { get; init; }

    /// <summary>Its id in the pool; stays when it restarts.</summary>
    public NodeId Node { get; init; }

    /// <summary>Bound of the memory that it registers.</summary>
    public required long CapacityBytes { get; init; }

    /// <summary>Connections beyond this are closed at once.</summary>
    public int ConnectionsMax { get; init; } = 512;

    /// <summary>How long a drain waits for its regions to be moved away.</summary>
    public TimeSpan DrainTime { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Obeys requests to cut connections and to flip bits. For chaos runs only.</summary>
    public bool AllowsFaults { get; init; }
}
