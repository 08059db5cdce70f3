namespace Fathom.Storage;

/// <summary>How a file is opened for chains.</summary>
public sealed record StorageFileOptions
{
    /// <summary>The engine for a file that is opened without one; <see cref="StorageEngine.Open"/> does not look at it.</summary>
    public StorageEngineOptions Engine { get; init; } = new();

    /// <summary>Whether reads pass the page cache by.</summary>
    public DirectReads Direct { get; init; } = DirectReads.Prefer;

    /// <summary>Which changes to the file end the chains that run over it.</summary>
    public FileGuard Guard { get; init; } = FileGuard.Extents;

    /// <summary>What a read of a hole gives.</summary>
    public HolePolicy Holes { get; init; } = HolePolicy.Zeros;
}

/// <summary>Whether reads pass the page cache by (O_DIRECT).</summary>
public enum DirectReads
{
    /// <summary>Direct where the file system can, through the page cache elsewhere.</summary>
    Prefer,

    /// <summary>Direct, or the file does not open.</summary>
    Require,

    /// <summary>Through the page cache.</summary>
    Never,
}

/// <summary>Which changes to a file end the chains in flight over it as <see cref="ChainStatus.FileChanged"/>.</summary>
/// <remarks>
/// Looked at after each read, before the function sees the data. A chain that begins after the change runs on the file as it is then.
/// Changes are noticed by the file's times, which stand still for up to a few milliseconds on Linux before 6.13, and which a
/// store through a writable mapping moves only once per write-back: data that such writers change under a chain is theirs to order.
/// </remarks>
public enum FileGuard
{
    /// <summary>
    /// The file may grow and its data may be overwritten in place, as by its own writer; shrinking, punching, moving and unlinking end
    /// chains. Where the file system does not tell where its blocks are, only shrinking and unlinking are noticed.
    /// </summary>
    Extents,

    /// <summary>Any change ends chains: data, size, name count, mode. In the kernel nobody may open the file for writing instead, as with a program that runs.</summary>
    Sealed,

    /// <summary>
    /// Nothing is looked at; a read beyond the end that the file has lost comes back as <see cref="ChainStatus.ShortRead"/>. In the kernel, which reads
    /// blocks rather than files, as <see cref="Extents"/>.
    /// </summary>
    None,
}

/// <summary>What a read of a hole, or of blocks that were never written, gives.</summary>
public enum HolePolicy
{
    /// <summary>Zeros, as the system does.</summary>
    Zeros,

    /// <summary>The chain ends as <see cref="ChainStatus.Hole"/>; a file whose holes the system does not tell does not open.</summary>
    Refuse,
}

/// <summary>What happened to a file under a chain.</summary>
[Flags]
public enum FileChange
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>It became shorter.</summary>
    Truncated = 1,

    /// <summary>Blocks that held its data were punched out, collapsed or moved.</summary>
    Remapped = 2,

    /// <summary>It lost a name: it was removed, or another file took its place.</summary>
    Unlinked = 4,

    /// <summary>It grew, or data or attributes were written (noticed by <see cref="FileGuard.Sealed"/> only).</summary>
    Written = 8,

    /// <summary>The system no longer tells about it.</summary>
    Unreachable = 16,
}
