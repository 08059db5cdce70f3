using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.SpanSets;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Transports;

/// <summary>What a pool asks of a memory node.</summary>
internal enum NodeOperation : byte
{
    /// <summary>Bytes of <see cref="NodeRequest.At"/> into <see cref="NodeRequest.Destination"/>.</summary>
    Read,

    /// <summary><see cref="NodeRequest.Payload"/> to <see cref="NodeRequest.At"/>.</summary>
    Write,

    /// <summary>Forgets <see cref="NodeRequest.Ranges"/>. Accounting only: generations already keep late messages from harm.</summary>
    Free,

    /// <summary>Compares the bytes of <see cref="NodeRequest.At"/> with their checksum without sending them.</summary>
    Scrub,

    /// <summary>At xor Other into <see cref="NodeRequest.Destination"/>, both checked.</summary>
    Delta,

    /// <summary>The node multiplies At xor Other and sends it to <see cref="NodeRequest.Targets"/>; done when all have acknowledged.</summary>
    SendDelta,

    /// <summary>Adds <see cref="NodeRequest.Payload"/> to the shadow of At, started from the old parity Other; once a contributor.</summary>
    ParityUpdate,

    /// <summary>Vote: exactly <see cref="NodeRequest.Contributors"/> are in the shadow of At.</summary>
    Prepare,

    /// <summary>The shadow becomes the fragment At; the reply carries its checksum.</summary>
    Commit,

    /// <summary>Drops the shadow of At.</summary>
    Abort,

    /// <summary>The node makes <see cref="NodeRequest.Pulls"/> from fragments of its peers, each of which it asks once for all of them.</summary>
    Pull,

    /// <summary>Are you there, and which life is it?</summary>
    Ping,
}

/// <summary>A parity fragment that a data node sends its share of a delta to.</summary>
/// <param name="Node">Where it is.</param>
/// <param name="Incarnation">The life of that node that holds it.</param>
/// <param name="Parity">The old parity, where the shadow starts.</param>
/// <param name="Shadow">Where the new one will stand.</param>
/// <param name="Coefficient">What the delta is multiplied by.</param>
internal readonly record struct ParityTarget(
    NodeId Node, Incarnation Incarnation, FragmentRange Parity, FragmentRange Shadow, byte Coefficient);

/// <summary>A fragment that a node pulls to rebuild another.</summary>
/// <param name="Node">Where it is.</param>
/// <param name="Incarnation">The life of that node that holds it.</param>
/// <param name="At">The fragment.</param>
/// <param name="Checksum">What its bytes must have.</param>
/// <param name="Coefficient">What they are multiplied by.</param>
internal readonly record struct PullSource(NodeId Node, Incarnation Incarnation, FragmentRange At, uint Checksum, byte Coefficient);

/// <summary>A fragment that a node makes: the sum of its sources by coefficient, stored if it has its checksum.</summary>
/// <param name="Target">Where it will stand.</param>
/// <param name="Checksum">What the sum must have.</param>
/// <param name="Sources">What is added up.</param>
internal readonly record struct FragmentPull(FragmentRange Target, uint Checksum, PullSource[] Sources);

/// <summary>What became of a <see cref="FragmentPull"/>.</summary>
/// <param name="Status">Done when it stands at its target.</param>
/// <param name="FailedNode">With PeerFailed or Corrupt: the peer whose fragment it failed at; 0 for the sum itself.</param>
internal readonly record struct PullOutcome(WireStatus Status, NodeId FailedNode = default);

/// <summary>One request of a pool to a node, and the place of its answer.</summary>
/// <remarks>
/// Made and reused by the pool's state machine; between <see cref="INodeTransport.Send"/> and the reply (or its being forgotten) the
/// host holds it. A transport touches payload and destination only in that time and not after a cancel.
/// </remarks>
internal sealed class NodeRequest
{
    public RequestId Id { get; set; }

    public NodeOperation Operation { get; set; }

    public NodeId Node { get; set; }

    /// <summary>The life of the node that is meant; another one answers WrongIncarnation.</summary>
    public Incarnation Incarnation { get; set; }

    public ComputeId Owner { get; set; }

    /// <summary>Fencing epoch of the owner.</summary>
    public Epoch Epoch { get; set; }

    public FragmentRange At { get; set; }

    public FragmentRange Other { get; set; }

    /// <summary>CRC32C that the payload has.</summary>
    public uint Checksum { get; set; }

    public NativeView Payload { get; set; }

    public NativeView Destination { get; set; }

    public OperationId Compaction { get; set; }

    /// <summary>Of a parity update: who contributes; each counts once.</summary>
    public int Contributor { get; set; }

    /// <summary>Of a vote: one bit for each contributor.</summary>
    public ulong Contributors { get; set; }

    public ParityTarget[] Targets { get; set; } = [];

    public FragmentPull[] Pulls { get; set; } = [];

    public FragmentRange[] Ranges { get; set; } = [];

    /// <summary>How long an answer is of use, µs.</summary>
    public long TimeoutUs { get; set; }

    /// <summary>Point in time at which the machine gives up on it; 0 where its issuer watches the time itself.</summary>
    public long DueUs { get; set; }

    /// <summary>When it was sent.</summary>
    public long SentUs { get; set; }

    /// <summary>Whom the reply concerns; null when nobody waits for it.</summary>
    public PoolOperation? Issuer { get; set; }

    /// <summary>The issuer's own note, usually the slot of a span set.</summary>
    public int Slot { get; set; }
}
