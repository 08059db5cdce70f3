namespace Fathom.FarMemory.Pool;

/// <summary>What a pool does to keep spans safe and how long it waits for nodes. Immutable; checked when a pool is made.</summary>
public sealed record FarPoolOptions
{
    /// <summary>How spans are kept safe.</summary>
    public RedundancyScheme Scheme { get; init; } = RedundancyScheme.ErasureBatch;

    /// <summary>k of the erasure schemes.</summary>
    public int DataFragments { get; init; } = 4;

    /// <summary>m of the erasure schemes.</summary>
    public int ParityFragments { get; init; } = 2;

    /// <summary>Who carries the deltas of compactions; can be changed while the pool runs.</summary>
    public CompactionMode Compaction { get; init; } = CompactionMode.Remote;

    /// <summary>Compactions of disjoint sets at a time.</summary>
    public int CompactionsMax { get; init; } = 2;

    /// <summary>Compacts also pairs that leave holes once dead bytes are more than this share of the allocated ones.</summary>
    public double DeadShareMax { get; init; } = 0.12;

    /// <summary>Share of a node's room that swap-outs leave to compaction and recovery, which need some to give some.</summary>
    public double ReserveShare { get; init; } = 1.0 / 16;

    /// <summary>Rebuilds and moves of fragments at a time.</summary>
    public int RebuildsMax { get; init; } = 256;

    /// <summary>
    /// Parity fragments a set may lack when too few nodes answer. 0 refuses the write with the number of nodes needed; more lets it
    /// end as written degraded, and the set is made whole when nodes return.
    /// </summary>
    public int DegradedWriteMissingMax { get; init; }

    /// <summary>A read that took this long starts a second way, µs.</summary>
    public long HedgeAfterUs { get; init; } = 5_000;

    /// <summary>A node that left a request unanswered this long is not counted on, µs.</summary>
    public long RequestTimeoutUs { get; init; } = 200_000;

    /// <summary>How often a node that is not counted on is asked whether it is back, µs.</summary>
    public long ProbeIntervalUs { get; init; } = 50_000;

    /// <summary>A node silent this long is taken for dead and its fragments are rebuilt, µs.</summary>
    public long DownAfterUs { get; init; } = 500_000;

    /// <summary>Pause before something that failed is tried again, µs.</summary>
    public long RetryDelayUs { get; init; } = 5_000;

    /// <summary>Between two fragments that the scrubber checks, µs; 0 turns it off.</summary>
    public long ScrubIntervalUs { get; init; } = 1_000;

    /// <summary>k of the scheme as it stands: fragments that a set needs.</summary>
    internal int CodeData => Scheme is RedundancyScheme.ErasureBatch or RedundancyScheme.ErasureSplit ? DataFragments : 1;

    /// <summary>m of the scheme as it stands: fragments that a set may lose.</summary>
    internal int CodeParity => Scheme switch
    {
        RedundancyScheme.None => 0,
        RedundancyScheme.ReplicationTwo => 1,
        RedundancyScheme.ReplicationThree => 2,
        _ => ParityFragments,
    };

    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(DataFragments, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(DataFragments, 16);
        ArgumentOutOfRangeException.ThrowIfNegative(ParityFragments);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ParityFragments, 8);
        ArgumentOutOfRangeException.ThrowIfNegative(CompactionsMax);
        ArgumentOutOfRangeException.ThrowIfNegative(ReserveShare);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ReserveShare, 0.5);
        ArgumentOutOfRangeException.ThrowIfLessThan(RebuildsMax, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(DegradedWriteMissingMax);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(DegradedWriteMissingMax, CodeParity);
        ArgumentOutOfRangeException.ThrowIfLessThan(HedgeAfterUs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(RequestTimeoutUs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(ProbeIntervalUs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(DownAfterUs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(RetryDelayUs, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(ScrubIntervalUs);
    }
}
