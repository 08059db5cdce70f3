using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Transports;
using Microsoft.Extensions.Logging;

namespace Fathom.FarMemory.Hosting;

/// <summary>Log messages of hosted pools and region directories, ids 5300 to 5399.</summary>
internal static partial class Log
{
    [LoggerMessage(5300, LogLevel.Information, "Pool of compute process {Owner} opened under epoch {Epoch}, scheme {Scheme}")]
    public static partial void PoolOpened(this ILogger logger, ulong owner, ulong epoch, RedundancyScheme scheme);

    [LoggerMessage(5301, LogLevel.Warning, "Memory node {Node} is down")]
    public static partial void NodeDown(this ILogger logger, ushort node);

    [LoggerMessage(5302, LogLevel.Error, "Compute process {Owner} lost its lease: its far memory belongs to others now")]
    public static partial void LeaseLost(this ILogger logger, ulong owner);

    [LoggerMessage(5303, LogLevel.Information, "Memory node {Node} at {Endpoint} is up, incarnation {Incarnation}")]
    public static partial void NodeUp(this ILogger logger, ushort node, NodeEndpoint endpoint, ulong incarnation);

    [LoggerMessage(5304, LogLevel.Warning, "Lease of compute process {Owner} ran out; its regions are taken back")]
    public static partial void LeaseExpired(this ILogger logger, ulong owner);

    [LoggerMessage(5305, LogLevel.Warning, "Memory node {Node} at {Endpoint} is refused: {Reason}")]
    public static partial void NodeRefused(this ILogger logger, ushort node, NodeEndpoint endpoint, string reason);
}
