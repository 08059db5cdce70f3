namespace Fathom.FarMemory.BlockStore;

/// <summary>What happened to a block.</summary>
public enum BlockEventKind
{
    /// <summary>It can be matched and read.</summary>
    Stored,

    /// <summary>Somebody removed it.</summary>
    Removed,

    /// <summary>It made room for another.</summary>
    Evicted,

    /// <summary>Its bytes are gone with the nodes that held them, or were not what its checksum says.</summary>
    Lost,
}

/// <summary>One entry of the event stream.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Namespace">The block's namespace.</param>
/// <param name="Key">The block.</param>
/// <param name="LengthBytes">Its length.</param>
/// <param name="Missed">Events that this subscriber lost before this one because it was slow: it should look at the store afresh.</param>
public readonly record struct BlockEvent(BlockEventKind Kind, string Namespace, BlockKey Key, int LengthBytes, long Missed);
