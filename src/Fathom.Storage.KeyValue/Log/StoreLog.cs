using Microsoft.Extensions.Logging;

namespace Fathom.Storage.KeyValue.Log;

/// <summary>Log messages; event ids from 6500.</summary>
internal static partial class StoreLog
{
    [LoggerMessage(6500, LogLevel.Debug, "{Path}: {Entries} entries merged in {Elapsed} ms, checkpoint {Checkpoint}")]
    public static partial void Merged(ILogger logger, string path, int entries, double elapsed, ulong checkpoint);

    [LoggerMessage(6501, LogLevel.Error, "{Path}: merge failed, the store takes no more writes")]
    public static partial void MergeFailed(ILogger logger, string path, Exception failure);

    [LoggerMessage(6502, LogLevel.Information, "{Path}: {Entries} writes recovered from the log")]
    public static partial void Recovered(ILogger logger, string path, int entries);
}
