namespace Fathom.FarMemory.Wire;

/// <summary>Outcome in an answer. The numbers are the wire format.</summary>
public enum WireStatus : byte
{
    /// <summary>Done.</summary>
    Done = 0,

    /// <summary>No such region here.</summary>
    NoSuchRegion = 1,

    /// <summary>The range is not inside the region, or not on page boundaries.</summary>
    OutOfRegion = 2,

    /// <summary>The slot holds another generation, another length, or nothing.</summary>
    NoSuchFragment = 3,

    /// <summary>The requester's epoch is older than the one that the region is fenced at.</summary>
    Fenced = 4,

    /// <summary>The node is another incarnation than the one meant: what it held is gone.</summary>
    WrongIncarnation = 5,

    /// <summary>The bytes do not match their checksum.</summary>
    Corrupt = 6,

    /// <summary>No room left.</summary>
    Full = 7,

    /// <summary>Too much work is waiting; try again later.</summary>
    Busy = 8,

    /// <summary>The node drains and takes nothing new.</summary>
    Draining = 9,

    /// <summary>The time ran out before the work was done.</summary>
    DeadlinePassed = 10,

    /// <summary>No such operation, or it lacks contributions.</summary>
    NotPrepared = 11,

    /// <summary>A peer that this operation needs did not answer or refused.</summary>
    PeerFailed = 12,

    /// <summary>The request contradicts itself or what is there.</summary>
    BadRequest = 13,

    /// <summary>The node speaks another version of the protocol.</summary>
    VersionMismatch = 14,

    /// <summary>What stands there was placed later: the request was held back on its way.</summary>
    Superseded = 16,

    /// <summary>Another requester owns the region.</summary>
    NotOwner = 15,
}
