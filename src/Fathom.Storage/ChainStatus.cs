namespace Fathom.Storage;

/// <summary>How a chain ended.</summary>
public enum ChainStatus
{
    /// <summary>The function said that it is done.</summary>
    Done,

    /// <summary>The function returned an error: <see cref="ChainResult.Code"/>.</summary>
    FunctionError,

    /// <summary>A function written in C# threw: <see cref="ChainResult.Exception"/>.</summary>
    FunctionException,

    /// <summary>The function asked for no read, none was pending, and it was not done.</summary>
    Stalled,

    /// <summary>The next read would be one more than <see cref="ChainLimits.ReadsMax"/>.</summary>
    HopLimit,

    /// <summary>The next read would take the chain over <see cref="ChainLimits.BytesMax"/>.</summary>
    ByteLimit,

    /// <summary><see cref="ChainLimits.Deadline"/> passed.</summary>
    Deadline,

    /// <summary><see cref="ChainRequest.Cancellation"/> was triggered.</summary>
    Cancelled,

    /// <summary>A read starts at or beyond the end of the file, or at an offset that no file has: <see cref="ChainResult.OffsetBytes"/>.</summary>
    OutOfFile,

    /// <summary>A read's offset or size is no multiple of <see cref="StorageFile.AlignmentBytes"/>.</summary>
    Misaligned,

    /// <summary>A read is smaller than 512 bytes or larger than 64 KiB.</summary>
    BadSize,

    /// <summary>More reads are pending than a chain may have.</summary>
    TooManyReads,

    /// <summary>A read touches a hole or unwritten blocks, and the file was opened with <see cref="HolePolicy.Refuse"/>.</summary>
    Hole,

    /// <summary>The system reported an error: <see cref="ChainResult.Code"/> is its errno.</summary>
    ReadError,

    /// <summary>The system gave fewer bytes than the file has there.</summary>
    ShortRead,

    /// <summary>The file is no longer what it was when the chain began: <see cref="ChainResult.Change"/>. Start again or fall back.</summary>
    FileChanged,

    /// <summary>The file or its engine was closed while the chain ran.</summary>
    Closed,
}
