using Fathom.FarMemory.Transports;

namespace Fathom.FarMemory.Hosting;

/// <summary>What a region directory is started with.</summary>
public sealed record RegionDirectoryOptions
{
    /// <summary>The nodes; node ids are their places in this list, from 1.</summary>
    public required IReadOnlyList<NodeEndpoint> Nodes { get; init; }

    /// <summary>File that keeps who owns what across restarts; null keeps it in memory alone.</summary>
    public string? StatePath { get; init; }

    /// <summary>Bytes of the regions that it allots: 16 MiB to 1 GiB.</summary>
    public long RegionBytes { get; init; } = 64L << 20;

    /// <summary>A compute process that is silent this long loses its regions.</summary>
    public TimeSpan LeaseTime { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often nodes are asked whether they are there.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>A node silent this long counts as down.</summary>
    public TimeSpan DownAfter { get; init; } = TimeSpan.FromMilliseconds(600);

    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfZero(Nodes.Count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Nodes.Count, ushort.MaxValue - 1);
        if (!Node.RegionLayout.IsValid((ulong)RegionBytes))
            throw new ArgumentOutOfRangeException(nameof(RegionBytes), RegionBytes, "A region has 16 MiB to 1 GiB, in steps of 2 KiB.");
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(LeaseTime, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(HeartbeatInterval, TimeSpan.Zero);
    }
}
