using Fathom.FarMemory.Wire;
using Microsoft.Extensions.Logging;

namespace Fathom.FarMemory.Transports;

/// <summary>Log messages of connections, ids 5203 to 5209.</summary>
internal static partial class Log
{
    [LoggerMessage(5203, LogLevel.Debug, "A connection ended: {Fault}")]
    public static partial void ConnectionEnded(this ILogger logger, FrameFault fault);

    [LoggerMessage(5204, LogLevel.Warning, "Accepting a connection failed")]
    public static partial void AcceptFailed(this ILogger logger, Exception exception);
}
