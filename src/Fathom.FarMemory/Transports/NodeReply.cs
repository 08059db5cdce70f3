using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.Transports;

/// <summary>Whether a request reached its node at all.</summary>
internal enum NodeFault : byte
{
    /// <summary>The node answered.</summary>
    None,

    /// <summary>No answer in time. The request may still take effect later.</summary>
    NoAnswer,

    /// <summary>The connection broke or none could be made. The request may have taken effect.</summary>
    Unreachable,

    /// <summary>Nobody listens where the node did: its process has ended. The request may have taken effect before.</summary>
    Refused,

    /// <summary>The node speaks another version of the protocol.</summary>
    Version,
}

/// <summary>Answer of a node, or the lack of one.</summary>
/// <param name="Status">What the node says, meaningful without a fault.</param>
/// <param name="Fault">Why there is no answer.</param>
/// <param name="Incarnation">The answering life of the node; 0 with a fault.</param>
/// <param name="Checksum">
/// Of a read or delta: CRC32C of the bytes as they arrived, computed on this side. Of scrub and commit: what the node computed.
/// </param>
/// <param name="FailedNode">Of send-delta with PeerFailed or Corrupt: the peer it failed at; 0 for the node itself.</param>
/// <param name="Pulled">Of pull: what became of each fragment, in the order of the request.</param>
internal readonly record struct NodeReply(
    WireStatus Status, NodeFault Fault = NodeFault.None, Incarnation Incarnation = default, uint Checksum = 0, NodeId FailedNode = default,
    PullOutcome[]? Pulled = null)
{
    public bool IsDone => Fault == NodeFault.None && Status == WireStatus.Done;
}
