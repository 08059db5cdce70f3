namespace Fathom.FarMemory.Pool;

/// <summary>How the write of a span set ended. Local copies may go only after <see cref="Written"/> or <see cref="WrittenDegraded"/>.</summary>
public enum WriteStatus
{
    /// <summary>Every fragment is acknowledged by its node.</summary>
    Written,

    /// <summary>Acknowledged with fewer parity fragments than the scheme asks for, as the pool's options allow; made whole later.</summary>
    WrittenDegraded,

    /// <summary>The nodes have no room; nothing was kept.</summary>
    NoSpace,

    /// <summary>Fewer nodes answer than a set needs, and the options do not allow a degraded write.</summary>
    TooFewNodes,

    /// <summary>The deadline passed first; nothing was kept.</summary>
    Deadline,

    /// <summary>This process lost its lease: its regions belong to somebody else.</summary>
    Fenced,

    /// <summary>The caller cancelled, or the pool closed; nothing was kept.</summary>
    Cancelled,
}

/// <summary>Outcome of writing a span set.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="NodesNeeded">With <see cref="WriteStatus.TooFewNodes"/>: how many different nodes the set needs, else 0.</param>
/// <param name="NodesUsable">With <see cref="WriteStatus.TooFewNodes"/>: how many could take a fragment, else 0.</param>
public readonly record struct WriteOutcome(WriteStatus Status, int NodesNeeded = 0, int NodesUsable = 0)
{
    /// <summary>The far copies are acknowledged: the local ones may go.</summary>
    public bool IsWritten => Status is WriteStatus.Written or WriteStatus.WrittenDegraded;
}
