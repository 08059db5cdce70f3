using Fathom.Storage;
using Fathom.Tiering.BlockLog.Format;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.BlockLog;

/// <summary>How a block log is opened, or made where there is none.</summary>
public sealed record BlockLogOptions
{
    private const int SegmentsMin = 8;
    private const int SegmentsWanted = 64;
    private const long SegmentBytesMin = 1 << 20;
    private const long SegmentBytesMax = 256 << 20;

    /// <summary>Entries that the index has for each block. A page takes two long runs: with so much room a third meets them in one of thousands.</summary>
    private const int IndexShare = 16;

    /// <summary>Longest block that any log takes.</summary>
    public const int BlockBytesLimit = 16 << 20;

    /// <summary>The file. Its folder exists.</summary>
    public required string Path { get; init; }

    /// <summary>Bytes that the file has, from its making on; index and all. An existing log must have been made with as many.</summary>
    public required long CapacityBytes { get; init; }

    /// <summary>Bytes of a block, of the model that will use it most: decides, when the log is made, how large segments and index are.</summary>
    public required int BlockBytes { get; init; }

    /// <summary>Longest time that a lease lasts.</summary>
    public TimeSpan LeaseTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Most time that a look-up may take before it counts as failed.</summary>
    public TimeSpan LookUpTime { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Places of blocks that were matched or stored lately, kept in memory for reads and for the children to come.</summary>
    public int KnownBlocksMax { get; init; } = 1 << 16;

    /// <summary>Blocks read side by side.</summary>
    public int ReadersMax { get; init; } = 4;

    /// <summary>The engine that runs the look-ups.</summary>
    public StorageEngineOptions Engine { get; init; } = new();

    /// <summary>Clock of leases.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Smallest capacity that can hold blocks of a size.</summary>
    public static long CapacityBytesMin(int blockBytes) => (SegmentsMin * LeastSegment(blockBytes)) + (4 << 20);

    internal void Check()
    {
        ArgumentException.ThrowIfNullOrEmpty(Path);
        CheckRange(BlockBytes, 1, BlockBytesLimit, nameof(BlockBytes));
        CheckRange(KnownBlocksMax, 16, 1 << 24, nameof(KnownBlocksMax));
        CheckRange(ReadersMax, 1, 64, nameof(ReadersMax));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(LeaseTime, TimeSpan.Zero, nameof(LeaseTime));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(LookUpTime, TimeSpan.Zero, nameof(LookUpTime));
        var least = CapacityBytesMin(BlockBytes);
        const long Most = (long)uint.MaxValue * LogFile.UnitBytes;
        if (CapacityBytes < least || CapacityBytes > Most)
        {
            throw new KvTierException(
                KvBlockLog.TierName, $"{Path}: a block log of {CapacityBytes} bytes cannot be made for blocks of {BlockBytes}; {least} to {Most}");
        }
    }

    /// <summary>How a new file is divided.</summary>
    internal LogHeader Divide(ulong storeId)
    {
        var segmentBytes = Math.Clamp(RoundUp(CapacityBytes / SegmentsWanted, SegmentBytesMin), LeastSegment(BlockBytes), Math.Max(SegmentBytesMax, LeastSegment(BlockBytes)));
        var blockUnits = LogFile.UnitsOf(BlockBytes);
        var entries = CapacityBytes / ((long)blockUnits * LogFile.UnitBytes) * IndexShare;
        // At most a sixteenth of the file, whatever the size of blocks.
        var pages = Math.Clamp((entries / IndexPage.EntriesMax) + 1, 8, Math.Max(8, CapacityBytes / 16 / IndexPage.Bytes));
        var header = new LogHeader
        {
            StoreId = storeId,
            CapacityBytes = CapacityBytes,
            IndexPages = (uint)pages,
            SegmentUnits = (uint)(segmentBytes / LogFile.UnitBytes),
            Segments = (int)((CapacityBytes - LogHeader.IndexOffsetBytes - (pages * IndexPage.Bytes)) / segmentBytes),
        };
        return header;
    }

    private static long LeastSegment(int blockBytes) => RoundUp(Math.Max(SegmentBytesMin, 4L * blockBytes), SegmentBytesMin);

    private static long RoundUp(long value, long unit) => (value + unit - 1) / unit * unit;

    private static void CheckRange(int value, int least, int most, string name)
    {
        if (value < least || value > most)
            throw new ArgumentOutOfRangeException(name, value, $"{least} to {most}.");
    }
}
