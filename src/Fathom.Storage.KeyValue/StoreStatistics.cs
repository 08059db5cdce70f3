using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue;

/// <summary>What a store holds and uses.</summary>
public sealed record StoreStatistics
{
    /// <summary>Kind of keys.</summary>
    public required KeyKind Kind { get; init; }

    /// <summary>Page size.</summary>
    public required int PageBytes { get; init; }

    /// <summary>Levels of the tree.</summary>
    public required int Levels { get; init; }

    /// <summary>Entries of the tree.</summary>
    public required long TreeEntries { get; init; }

    /// <summary>Bytes of live value records in the tree.</summary>
    public required long RecordBytes { get; init; }

    /// <summary>Bytes of the file that are given out, free ones among them.</summary>
    public required long FileBytes { get; init; }

    /// <summary>Number of the checkpoint.</summary>
    public required ulong Checkpoint { get; init; }

    /// <summary>Writes in memory tables, deletions included.</summary>
    public required int TableEntries { get; init; }

    /// <summary>Memory of those tables.</summary>
    public required long TableBytes { get; init; }

    /// <summary>Log segment that is written.</summary>
    public required ulong LogSegment { get; init; }

    /// <summary>Bytes of that segment.</summary>
    public required long LogBytes { get; init; }

    /// <summary>Pages in memory.</summary>
    public required long PageCacheBytes { get; init; }

    /// <summary>Values in memory.</summary>
    public required long ObjectCacheBytes { get; init; }

    /// <summary>Merges since the store was opened.</summary>
    public required long Merges { get; init; }

    /// <summary>The engine in use and why.</summary>
    public required EngineChoice Engine { get; init; }

    /// <summary>What the engine has done.</summary>
    public required EngineCounters EngineCounters { get; init; }
}
