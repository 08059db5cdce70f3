namespace Fathom.Tiering.Tiers;

/// <summary>How an operation on one block of a tier ended. Anything but <see cref="Done"/> makes a read a miss.</summary>
public enum KvBlockStatus
{
    /// <summary>Done; of a read: the destination holds the block's bytes, by checksum.</summary>
    Done,

    /// <summary>Of a write: the tier has this block already, or somebody is writing it.</summary>
    AlreadyThere,

    /// <summary>The tier has no such block: never stored, removed, evicted or lost.</summary>
    Missing,

    /// <summary>The bytes that the tier has are not those that were stored. It forgets the block, so that it can be stored again.</summary>
    Corrupt,

    /// <summary>Of a write: no room, and nothing that may make way. Nothing was kept.</summary>
    NoRoom,

    /// <summary>Of a read: the block's length is not the destination's.</summary>
    WrongLength,

    /// <summary>A lease holds the block; it was not removed.</summary>
    Held,

    /// <summary>The device or the nodes behind the tier failed or did not answer in time.</summary>
    Failed,

    /// <summary>The caller cancelled.</summary>
    Cancelled,
}
