using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.Simulation;

/// <summary>A request on the simulated network: a copy, as bytes on a wire would be.</summary>
internal sealed record SimRequest(
    ulong Id,
    NodeOperation Operation,
    Incarnation Incarnation,
    ComputeId Owner,
    Epoch Epoch,
    FragmentRange At,
    FragmentRange Other,
    uint Checksum,
    byte[] Payload,
    OperationId Compaction,
    int Contributor,
    ulong Contributors,
    ParityTarget[] Targets,
    FragmentPull[] Pulls,
    FragmentRange[] Ranges)
{
    public static SimRequest CopyOf(NodeRequest request) => new(
        request.Id.Value, request.Operation, request.Incarnation, request.Owner, request.Epoch, request.At, request.Other, request.Checksum,
        request.Payload.Length == 0 ? [] : request.Payload.AsSpan<byte>().ToArray(),
        request.Compaction, request.Contributor, request.Contributors, request.Targets, request.Pulls, request.Ranges);
}

/// <summary>An answer on the simulated network.</summary>
internal sealed record SimReply(ulong Id, WireStatus Status, Incarnation Incarnation, uint Checksum, byte[] Payload, NodeId FailedNode, PullOutcome[]? Pulled = null);
