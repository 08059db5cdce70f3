namespace Fathom.Storage.Files;

/// <summary>A file as it was last seen.</summary>
/// <param name="Version">Moves when a change was seen that ends chains.</param>
/// <param name="Stamp">What the system said.</param>
/// <param name="Extents">Where its data lies; null where that is not known or not of interest.</param>
/// <param name="Changes">What ended chains at the last versions, by version modulo the length.</param>
internal sealed record FileState(long Version, FileStamp Stamp, ExtentMap? Extents, FileChange[] Changes)
{
    /// <summary>Versions whose changes are kept.</summary>
    public const int ChangesKept = 8;

    /// <summary>What happened after <paramref name="version"/>.</summary>
    public FileChange ChangesSince(long version)
    {
        var union = FileChange.None;
        for (var later = long.Max(version + 1, Version - ChangesKept + 1); later <= Version; later++)
            union |= Changes[later % ChangesKept];
        return union;
    }
}
