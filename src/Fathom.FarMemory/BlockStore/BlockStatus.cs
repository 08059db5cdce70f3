namespace Fathom.FarMemory.BlockStore;

/// <summary>How an operation on one block ended.</summary>
public enum BlockStatus
{
    /// <summary>Done; of a read: the destination holds the block's bytes, by checksum.</summary>
    Done,

    /// <summary>The key is there already; blocks are immutable, nothing was written.</summary>
    AlreadyThere,

    /// <summary>Another writer is storing this key.</summary>
    BeingWritten,

    /// <summary>No such block: never stored, removed, evicted, or lost with its nodes.</summary>
    Missing,

    /// <summary>The lease named has ended or does not cover the block; the destination is undefined.</summary>
    LeaseExpired,

    /// <summary>A pin or a lease holds the block; it was not removed.</summary>
    Held,

    /// <summary>The destination is shorter than the block.</summary>
    DestinationTooShort,

    /// <summary>The block is longer than the store takes.</summary>
    TooLong,

    /// <summary>No room, and nothing that may be evicted for it.</summary>
    NoRoom,

    /// <summary>Too few nodes answered in time. A stored block may still be there.</summary>
    Unreachable,

    /// <summary>The caller cancelled, or the store closed.</summary>
    Cancelled,
}
