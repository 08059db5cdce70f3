using Fathom.Tiering.Tiers;

namespace Fathom.Tiering;

/// <summary>How blocks move between an engine and its tiers. Immutable; checked when the tiering is made.</summary>
public sealed record KvTieringOptions
{
    /// <summary>Where the chains of the engine's model, format and layout begin.</summary>
    public required KvBlockKey Root { get; init; }

    /// <summary>Bytes of a block.</summary>
    public required int BlockBytes { get; init; }

    /// <summary>Memory for blocks on their way in; at least one block.</summary>
    public long LoadMemoryBytes { get; init; } = 256L << 20;

    /// <summary>Memory for blocks on their way out. What finds no room there is not stored.</summary>
    public long StoreMemoryBytes { get; init; } = 64L << 20;

    /// <summary>Most blocks that are written to a tier at once.</summary>
    public int StoreBatch { get; init; } = 16;

    /// <summary>A tier that has not answered a look-up after this time has no block.</summary>
    public TimeSpan LookUpTime { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Fetches whatever a tier has. Otherwise only what comes faster than it is computed, by the rates measured, and for no longer than that takes.</summary>
    public bool FetchesAlways { get; init; }

    /// <summary>Least time that a fetch is given, however fast computing would be.</summary>
    public TimeSpan FetchTimeMin { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Most time that a fetch is given. In between it is what computing the blocks would take.</summary>
    public TimeSpan FetchTimeMax { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a load waits for memory that other loads have.</summary>
    public TimeSpan MemoryWaitTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Most time that writing a batch takes.</summary>
    public TimeSpan StoreTime { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Failures in a row after which a tier is left alone for a time.</summary>
    public int FailuresMax { get; init; } = 3;

    /// <summary>How long at first; doubled with each probe that fails.</summary>
    public TimeSpan PauseMin { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long at most.</summary>
    public TimeSpan PauseMax { get; init; } = TimeSpan.FromSeconds(30);

    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BlockBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(LoadMemoryBytes, BlockBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(StoreMemoryBytes, BlockBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(StoreBatch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(FailuresMax, 1);
        foreach (var time in (TimeSpan[])[LookUpTime, FetchTimeMin, FetchTimeMax, MemoryWaitTime, StoreTime, PauseMin, PauseMax])
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(FetchTimeMax, FetchTimeMin);
        ArgumentOutOfRangeException.ThrowIfLessThan(PauseMax, PauseMin);
    }
}
