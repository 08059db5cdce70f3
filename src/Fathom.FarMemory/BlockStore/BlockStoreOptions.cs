namespace Fathom.FarMemory.BlockStore;

/// <summary>How a block store is built. Checked when it is made.</summary>
public sealed record BlockStoreOptions
{
    /// <summary>Bytes of blocks it keeps; beyond them the least recently used ones make room.</summary>
    public required long CapacityBytes { get; init; }

    /// <summary>Longest block, at most 1 GiB.</summary>
    public int BlockBytesMax { get; init; } = 64 << 20;

    /// <summary>Longest piece of a block that becomes one span, 2 KiB to 16 MiB.</summary>
    public int PieceBytesMax { get; init; } = 1 << 20;

    /// <summary>Blocks on their way to or from the pool at a time; each takes native memory for one span set.</summary>
    public int TransfersMax { get; init; } = 8;

    /// <summary>Events kept for a subscriber that is slow.</summary>
    public int EventsMax { get; init; } = 4096;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(CapacityBytes, 1);
        CheckRange(BlockBytesMax, 1, 1 << 30, nameof(BlockBytesMax));
        CheckRange(PieceBytesMax, StripedBlocks.PieceUnitBytes, 16 << 20, nameof(PieceBytesMax));
        CheckRange(TransfersMax, 1, 1024, nameof(TransfersMax));
        CheckRange(EventsMax, 1, 1 << 20, nameof(EventsMax));
    }

    private static void CheckRange(int value, int least, int most, string name)
    {
        if (value < least || value > most)
            throw new ArgumentOutOfRangeException(name, value, $"{least} to {most}.");
    }
}
