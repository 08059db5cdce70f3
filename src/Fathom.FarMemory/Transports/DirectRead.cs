using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;
using Fathom.Memory;

namespace Fathom.FarMemory.Transports;

/// <summary>How far a read on the calling thread has come.</summary>
internal enum DirectReadOutcome : byte
{
    /// <summary>Not done; the state machine finds out why.</summary>
    Failed,

    /// <summary>Asked, not answered yet.</summary>
    UnderWay,

    /// <summary>The node did not answer in time.</summary>
    Slow,

    /// <summary>The bytes are there, with their checksum.</summary>
    Done,
}

/// <summary>One fragment that a thread reads itself, past the pool's state machine: the shortest way for the bytes of a span.</summary>
/// <remarks>The place may be out of date: generation, incarnation and checksum tell.</remarks>
internal struct DirectRead
{
    public NodeId Node;
    public Incarnation Incarnation;
    public Epoch Epoch;
    public FragmentRange From;

    /// <summary>Exactly as long as the fragment.</summary>
    public NativeView Destination;

    /// <summary>What the bytes must have.</summary>
    public uint Expected;

    /// <summary>CRC32C of what arrived.</summary>
    public uint Checksum;

    public DirectReadOutcome Outcome;
    public NodeConnection? Connection;
    public NodeLink? Link;

    /// <summary>The right bytes.</summary>
    public readonly bool IsGood => Outcome == DirectReadOutcome.Done && Checksum == Expected;
}
