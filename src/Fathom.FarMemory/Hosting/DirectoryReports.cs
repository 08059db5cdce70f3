using Fathom.FarMemory.Transports;

namespace Fathom.FarMemory.Hosting;

/// <summary>A node as the region directory last heard of it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="State">"unknown", "up", "draining" or "down".</param>
/// <param name="Endpoint">Where it listens.</param>
/// <param name="Regions">Regions registered there.</param>
/// <param name="UsedBytes">Bytes registered.</param>
/// <param name="CapacityBytes">Bytes it lends at most.</param>
public sealed record NodeReport(int Id, string State, NodeEndpoint Endpoint, int Regions, long UsedBytes, long CapacityBytes);

/// <summary>What a compute process last said of its pool.</summary>
/// <param name="Owner">Its id.</param>
/// <param name="LiveBytes">Bytes of live spans.</param>
/// <param name="SpanSets">Span sets.</param>
/// <param name="RebuildBacklog">Fragments waiting to be rebuilt or moved.</param>
public readonly record struct PoolReport(ulong Owner, long LiveBytes, long SpanSets, long RebuildBacklog);
