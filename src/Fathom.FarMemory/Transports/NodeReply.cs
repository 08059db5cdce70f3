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

    /// <summary>The connection was refused or broke. The request may have taken effect.</summary>
    Unreachable,

    /// <summary>The node speaks another version of the protocol.</summary>
    Version,
}

/// <summary>Answer of a node, or the lack of one.</summary>
/// <param name="Status">What the node says, meaningful without a fault.</param>
/// <param name="Fault">Why there is no answer.</param>
/// <param name="Incarnation">The answering life of the node; 0 with a fault.</param>
/// <param name="Checksum">
/// Of a read or delta: CRC32C of the bytes as they arrived, computed on this side. Of scrub, commit and pull: what the node computed.
/// </param>
/// <param name="FailedNode">Of send-delta and pull with PeerFailed or Corrupt: the peer it failed at; 0 for the node itself.</param>
internal readonly record struct NodeReply(
    WireStatus Status, NodeFault Fault = NodeFault.None, Incarnation Incarnation = default, uint Checksum = 0, NodeId FailedNode = default)
{
    public bool IsDone => Fault == NodeFault.None && Status == WireStatus.Done;
}
