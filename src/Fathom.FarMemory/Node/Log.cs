using Fathom.FarMemory.Transports;
using Microsoft.Extensions.Logging;

namespace Fathom.FarMemory.Node;

/// <summary>Log messages of a memory node, ids 5200 to 5299.</summary>
internal static partial class Log
{
    [LoggerMessage(5200, LogLevel.Information, "Memory node {Node} listens on {Endpoint} with {CapacityBytes} bytes, incarnation {Incarnation}")]
    public static partial void NodeStarted(this ILogger logger, ushort node, NodeEndpoint endpoint, long capacityBytes, ulong incarnation);

    [LoggerMessage(5201, LogLevel.Information, "Memory node {Node} drains: {Regions} regions to move")]
    public static partial void NodeDrains(this ILogger logger, ushort node, int regions);

    [LoggerMessage(5202, LogLevel.Information, "Memory node {Node} stopped")]
    public static partial void NodeStopped(this ILogger logger, ushort node);
}
