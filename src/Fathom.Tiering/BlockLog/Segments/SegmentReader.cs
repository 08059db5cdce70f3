using System.Runtime.InteropServices;
using Fathom.FarMemory.Integrity;
using Fathom.Memory;
using Fathom.Storage;
using Fathom.Tiering.BlockLog.Format;

namespace Fathom.Tiering.BlockLog.Segments;

/// <summary>What was appended to a segment.</summary>
/// <param name="Entries">Its blocks, in the order of writing.</param>
/// <param name="UsedUnits">Units up to the end of its last whole frame.</param>
/// <param name="LastFrame">That frame's checksum, 0 when there is none.</param>
internal sealed record SegmentContent(List<FrameEntry> Entries, uint UsedUnits, ulong LastFrame);

/// <summary>Reads headers and contents of segments.</summary>
internal sealed class SegmentReader(LogFile file)
{
    private const int PieceBytes = 1 << 20;

    /// <summary>The header of a segment; null when it has none that passes.</summary>
    public SegmentHeader? ReadHeader(LogSegment segment)
    {
        using var unit = NativeBuffer.Allocate(LogFile.UnitBytes, LogFile.UnitBytes);
        var bytes = unit.AsSpan<byte>(0, LogFile.UnitBytes);
        file.Read(OffsetOf(segment.FirstUnit), bytes);
        return SegmentHeader.Read(bytes, file.Header.StoreId, segment.Number, file.Header.SegmentUnits);
    }

    /// <summary>The blocks of a segment, by its summary where it has one that passes, else by its frames.</summary>
    public List<FrameEntry> ReadEntries(LogSegment segment)
    {
        var header = ReadHeader(segment);
        if (header is { State: SegmentState.Sealed } && header.Value.Generation == segment.Generation && ReadSummary(segment, header.Value) is { } entries)
            return entries;
        return ReadFrames(segment, checksBlocks: false).Entries;
    }

    /// <summary>The frames of a segment, up to the first that is not whole.</summary>
    /// <param name="segment">With its generation.</param>
    /// <param name="checksBlocks">Whether a frame whose blocks do not pass their checksums counts as not whole: what a crash may leave.</param>
    public SegmentContent ReadFrames(LogSegment segment, bool checksBlocks)
    {
        var (storeId, segmentUnits) = (file.Header.StoreId, file.Header.SegmentUnits);
        using var head = NativeBuffer.Allocate(BlockFrame.HeadBytes, LogFile.UnitBytes);
        using var block = NativeBuffer.Allocate(checksBlocks ? PieceBytes : 0, LogFile.UnitBytes);
        var entries = new List<FrameEntry>();
        var used = 1u;
        var previous = 0ul;
        while (used < segmentUnits)
        {
            var unit = segment.FirstUnit + used;
            var bytes = head.AsSpan<byte>(0, BlockFrame.HeadBytes);
            file.Read(OffsetOf(unit), bytes);
            var seed = BlockFrame.Seed(storeId, segment.Generation, unit);
            if (BlockFrame.Read(bytes, seed, previous) is not { } frame || frame.Units > segmentUnits - used)
                break;
            var inFrame = BlockFrame.Entries(bytes)[..frame.Count];
            if (!LieWithin(inFrame, unit, frame.Units) || (checksBlocks && !Pass(inFrame, block)))
                break;
            entries.AddRange(inFrame);
            used += frame.Units;
            previous = frame.Checksum;
        }
        return new SegmentContent(entries, used, previous);
    }

    /// <summary>Checksum of a summary.</summary>
    public static ulong SummaryChecksum(ulong storeId, uint generation, ReadOnlySpan<byte> entries) => WordMix.Of(storeId ^ generation, entries);

    private static long OffsetOf(long unit) => unit * LogFile.UnitBytes;

    private List<FrameEntry>? ReadSummary(LogSegment segment, in SegmentHeader header)
    {
        var bytes = header.Blocks * FrameEntry.Bytes;
        using var buffer = NativeBuffer.Allocate((long)SegmentHeader.SummaryUnits(header.Blocks) * LogFile.UnitBytes, LogFile.UnitBytes);
        file.Read(OffsetOf(segment.FirstUnit + header.UsedUnits), buffer.AsSpan<byte>(0, (int)buffer.Length));
        var summary = buffer.AsSpan<byte>(0, bytes);
        if (SummaryChecksum(file.Header.StoreId, header.Generation, summary) != header.SummaryChecksum)
            return null;
        var entries = new List<FrameEntry>(header.Blocks);
        entries.AddRange(MemoryMarshal.Cast<byte, FrameEntry>(summary));
        return entries;
    }

    /// <summary>Whether what a frame says of its blocks can be: a damaged log leads to no other place.</summary>
    private static bool LieWithin(ReadOnlySpan<FrameEntry> entries, uint unit, uint units)
    {
        foreach (ref readonly var entry in entries)
        {
            if (entry.Length > BlockLogOptions.BlockBytesLimit || entry.Unit <= unit || entry.Unit - unit > units
                || units - (entry.Unit - unit) < LogFile.UnitsOf(entry.Length))
            {
                return false;
            }
        }
        return true;
    }

    private bool Pass(ReadOnlySpan<FrameEntry> entries, NativeBuffer piece)
    {
        foreach (ref readonly var entry in entries)
        {
            var checksum = 0u;
            for (var done = 0; done < entry.Length; done += PieceBytes)
            {
                var count = Math.Min((int)entry.Length - done, PieceBytes);
                file.Read(OffsetOf(entry.Unit) + done, piece.AsSpan<byte>(0, (int)LogFile.UnitsOf(count) * LogFile.UnitBytes));
                checksum = Crc32C.Append(checksum, piece.AsSpan<byte>(0, count));
            }
            if (checksum != entry.Checksum)
                return false;
        }
        return true;
    }
}
