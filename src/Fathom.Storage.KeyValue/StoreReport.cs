namespace Fathom.Storage.KeyValue;

/// <summary>What a check that found nothing wrong read.</summary>
public sealed record StoreReport
{
    /// <summary>Number of the checkpoint.</summary>
    public required ulong Checkpoint { get; init; }

    /// <summary>Levels of the tree.</summary>
    public required int Levels { get; init; }

    /// <summary>Pages of the tree.</summary>
    public required long Pages { get; init; }

    /// <summary>Entries of the tree, the record of each read.</summary>
    public required long Entries { get; init; }

    /// <summary>Bytes of their records.</summary>
    public required long RecordBytes { get; init; }

    /// <summary>Bytes free inside the file.</summary>
    public required long FreeBytes { get; init; }

    /// <summary>Bytes of the file.</summary>
    public required long FileBytes { get; init; }

    /// <summary>Keys that the log writes over the tree, deletions included.</summary>
    public required int LogEntries { get; init; }
}
