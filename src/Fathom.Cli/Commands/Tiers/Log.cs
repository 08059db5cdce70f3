using Microsoft.Extensions.Logging;

namespace Fathom.Cli.Commands.Tiers;

/// <summary>Log messages of the tiers' parts that a command starts, ids 4100 to 4119.</summary>
internal static partial class Log
{
    [LoggerMessage(4100, LogLevel.Warning, "Memory node {Node} died and is started again; what it held is rebuilt from the others")]
    public static partial void MemoryNodeRestarts(this ILogger logger, int node);

    [LoggerMessage(4101, LogLevel.Error, "Memory node {Node} could not be started: {Reason}")]
    public static partial void MemoryNodeDidNotStart(this ILogger logger, int node, string reason);
}
