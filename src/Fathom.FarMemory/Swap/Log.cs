using Fathom.FarMemory.Pool;
using Microsoft.Extensions.Logging;

namespace Fathom.FarMemory.Swap;

internal static partial class Log
{
    [LoggerMessage(5100, LogLevel.Warning, "A scope has been open for more than {Limit} and holds about {Pages} pages in local memory")]
    public static partial void ScopeIsLong(ILogger logger, TimeSpan limit, long pages);

    [LoggerMessage(5101, LogLevel.Warning, "Far memory took no span set: {Status}; trying again in {WaitMs} ms")]
    public static partial void EvictionRefused(ILogger logger, WriteStatus status, int waitMs);

    [LoggerMessage(5102, LogLevel.Critical, "The {Thread} thread of a heap failed and is gone")]
    public static partial void ThreadFailed(ILogger logger, string thread, Exception cause);
}
