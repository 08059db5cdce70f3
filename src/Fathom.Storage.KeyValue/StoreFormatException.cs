namespace Fathom.Storage.KeyValue;

/// <summary>What of a store's files is not as the format says.</summary>
public enum StoreFormatFault
{
    /// <summary>No header: the file is not a store, or both slots are damaged.</summary>
    NotAStore,

    /// <summary>A version that this build does not read.</summary>
    Version,

    /// <summary>A header field is out of its bounds, or the file is shorter than its header says.</summary>
    Header,

    /// <summary>A page's checksum.</summary>
    PageChecksum,

    /// <summary>A page of another level or kind than the tree has there.</summary>
    PageLevel,

    /// <summary>A page's counts or its layout.</summary>
    PageCount,

    /// <summary>Keys that do not rise.</summary>
    PageOrder,

    /// <summary>A pointer out of the file, unaligned or of a wrong length.</summary>
    Pointer,

    /// <summary>A value record's length or checksum.</summary>
    Record,

    /// <summary>The space map.</summary>
    SpaceMap,

    /// <summary>A segment of the write-ahead log: damaged where it was durable, or of another store.</summary>
    Log,

    /// <summary>A segment of the write-ahead log is not there.</summary>
    LogMissing,
}

/// <summary>A store's file is damaged or of another kind.</summary>
public sealed class StoreFormatException : KeyValueException
{
    internal StoreFormatException(string path, StoreFormatFault fault, string problem, long offsetBytes = -1)
        : base(offsetBytes < 0 ? $"{path}: {problem}." : $"{path}: at {offsetBytes}: {problem}.")
    {
        Path = path;
        Fault = fault;
        OffsetBytes = offsetBytes;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What is wrong.</summary>
    public StoreFormatFault Fault { get; }

    /// <summary>Where in the file; -1 where no place is to blame.</summary>
    public long OffsetBytes { get; }
}
