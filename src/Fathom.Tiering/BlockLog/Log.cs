using Microsoft.Extensions.Logging;

namespace Fathom.Tiering.BlockLog;

internal static partial class Log
{
    [LoggerMessage(7100, LogLevel.Information, "Block log {Path}: {Blocks} blocks, {Bytes} bytes, opened in {ElapsedMs} ms; look-ups by {Engine}")]
    public static partial void Opened(this ILogger logger, string path, long blocks, long bytes, double elapsedMs, string engine);

    [LoggerMessage(7101, LogLevel.Warning, "Block log {Path}: page {Page} of the index was damaged; {Blocks} blocks were put back")]
    public static partial void PageRepaired(this ILogger logger, string path, uint page, int blocks);

    [LoggerMessage(7102, LogLevel.Warning, "Block log {Path}: a block did not pass its checksum and was taken out of the index")]
    public static partial void BlockCorrupt(this ILogger logger, string path);

    [LoggerMessage(7103, LogLevel.Warning, "Block log {Path}: writing failed")]
    public static partial void WriteFailed(this ILogger logger, string path, Exception failure);

    [LoggerMessage(7104, LogLevel.Warning, "Block log {Path}: reading failed")]
    public static partial void ReadFailed(this ILogger logger, string path, Exception failure);

    [LoggerMessage(7105, LogLevel.Warning, "Block log {Path}: a look-up failed: {Outcome}")]
    public static partial void LookUpFailed(this ILogger logger, string path, string outcome);

    [LoggerMessage(7106, LogLevel.Debug, "Block log {Path}: segment {Segment} was emptied, {Moved} of its blocks moved on")]
    public static partial void SegmentReclaimed(this ILogger logger, string path, int segment, int moved);
}
