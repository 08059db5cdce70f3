using System.Runtime.InteropServices;
using Fathom.FarMemory.Integrity;
using Fathom.Memory;
using Fathom.Tiering.BlockLog.Format;

namespace Fathom.Tiering.BlockLog.Segments;

/// <summary>The end of the log: the segment being appended to, and the frame being filled in memory.</summary>
/// <remarks>The log's writer owns it.</remarks>
internal sealed class LogHead(LogFile file, SegmentTable segments) : IDisposable
{
    private const int FrameBytesWanted = 4 << 20;

    private readonly List<FrameEntry> _written = [];
    private readonly List<FrameEntry> _staged = [];
    private NativeBuffer? _frame;
    private ulong _lastFrame;
    private uint _frameUnits; // of the frame being filled, its head included

    /// <summary>The segment; null before the first, and after one that could not be followed by another.</summary>
    public LogSegment? Segment { get; private set; }

    /// <summary>Blocks in the frame that is not written yet.</summary>
    public IReadOnlyList<FrameEntry> Staged => _staged;

    /// <summary>Longest block that fits.</summary>
    public int BlockBytesMax => (int)Math.Min(BlockLogOptions.BlockBytesLimit, (long)file.Header.SegmentUnits * LogFile.UnitBytes / 4);

    /// <summary>Whether a block fits into the frame.</summary>
    public bool FrameTakes(int lengthBytes) =>
        _staged.Count < BlockFrame.BlocksMax
        && (_staged.Count == 0 || (long)(_frameUnits + LogFile.UnitsOf(lengthBytes)) * LogFile.UnitBytes <= FrameBytesWanted);

    /// <summary>Whether the segment has room for a block in the frame, and for its entry in the summary.</summary>
    public bool SegmentTakes(int lengthBytes) => Segment is not null
        && Segment.UsedUnits + Math.Max(1, _frameUnits) + LogFile.UnitsOf(lengthBytes)
            + SegmentHeader.SummaryUnits(_written.Count + _staged.Count + 1) <= file.Header.SegmentUnits;

    /// <summary>Begins a segment that is free.</summary>
    public void Open(LogSegment segment, uint generation)
    {
        WriteHeader(segment, new SegmentHeader(generation, SegmentState.Open, 1, 0, 0));
        var isSet = segments.TrySet(segment, SegmentState.Open, generation, usedUnits: 1, blocks: 0);
        Invariant.Check(isSet);
        Segment = segment;
        _written.Clear();
        _lastFrame = 0;
        DropFrame();
    }

    /// <summary>Goes on with a segment that another process left open.</summary>
    public void Continue(LogSegment segment, SegmentContent content)
    {
        Segment = segment;
        _written.Clear();
        _written.AddRange(content.Entries);
        _lastFrame = content.LastFrame;
        DropFrame();
    }

    /// <summary>Room for a block in the frame, as whole units.</summary>
    public Span<byte> Room(int lengthBytes)
    {
        _frame ??= NativeBuffer.Allocate(BlockFrame.HeadBytes + (long)Math.Max(FrameBytesWanted, BlockBytesMax), LogFile.UnitBytes);
        return _frame.AsSpan<byte>((long)Math.Max(1, _frameUnits) * LogFile.UnitBytes, (int)LogFile.UnitsOf(lengthBytes) * LogFile.UnitBytes);
    }

    /// <summary>Takes the block that was put into <see cref="Room"/> into the frame.</summary>
    /// <param name="entry">Where it stands in the index; its unit, length and checksum are filled in.</param>
    /// <param name="lengthBytes">Its length.</param>
    /// <returns>The whole entry.</returns>
    public FrameEntry Stage(FrameEntry entry, int lengthBytes)
    {
        var room = Room(lengthBytes);
        room[lengthBytes..].Clear();
        _frameUnits = Math.Max(1, _frameUnits);
        entry.Unit = Segment!.FirstUnit + Segment.UsedUnits + _frameUnits;
        entry.Length = (uint)lengthBytes;
        entry.Checksum = Crc32C.Compute(room[..lengthBytes]);
        _frameUnits += LogFile.UnitsOf(lengthBytes);
        _staged.Add(entry);
        return entry;
    }

    /// <summary>Appends the frame to the segment. Its blocks count once this has returned.</summary>
    /// <exception cref="IOException">The device failed; the segment ends where it did.</exception>
    public void WriteFrame()
    {
        var unit = Segment!.FirstUnit + Segment.UsedUnits;
        var bytes = _frame!.AsSpan<byte>(0, (int)_frameUnits * LogFile.UnitBytes);
        CollectionsMarshal.AsSpan(_staged).CopyTo(BlockFrame.Entries(bytes));
        var seed = BlockFrame.Seed(file.Header.StoreId, Segment.Generation, unit);
        var checksum = BlockFrame.Write(bytes[..BlockFrame.HeadBytes], seed, _lastFrame, _frameUnits, _staged.Count);
        file.Write((long)unit * LogFile.UnitBytes, bytes);
        _lastFrame = checksum;
        _written.AddRange(_staged);
        segments.Stored(Segment, _staged.Count, Segment.UsedUnits + _frameUnits);
        DropFrame();
    }

    /// <summary>Forgets the frame being filled.</summary>
    public void DropFrame()
    {
        _staged.Clear();
        _frameUnits = 0;
    }

    /// <summary>Ends the segment: its summary, then, once all is durable, the header that says so.</summary>
    public void Seal()
    {
        var segment = Segment!;
        Segment = null;
        var summaryUnits = SegmentHeader.SummaryUnits(_written.Count);
        using var buffer = NativeBuffer.Allocate((long)summaryUnits * LogFile.UnitBytes, LogFile.UnitBytes);
        var bytes = buffer.AsSpan<byte>(0, (int)summaryUnits * LogFile.UnitBytes);
        var entries = MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_written));
        entries.CopyTo(bytes);
        file.Write((long)(segment.FirstUnit + segment.UsedUnits) * LogFile.UnitBytes, bytes);
        file.Flush();
        var checksum = SegmentReader.SummaryChecksum(file.Header.StoreId, segment.Generation, entries);
        WriteHeader(segment, new SegmentHeader(segment.Generation, SegmentState.Sealed, segment.UsedUnits, _written.Count, checksum));
        var isSet = segments.TrySet(segment, SegmentState.Sealed, segment.Generation, segment.UsedUnits, segment.Blocks);
        Invariant.Check(isSet);
    }

    /// <summary>Empties a segment; false when somebody holds it.</summary>
    public bool TryFree(LogSegment segment)
    {
        if (!segments.TrySet(segment, SegmentState.Free, segment.Generation, usedUnits: 0, blocks: 0))
            return false;
        WriteHeader(segment, new SegmentHeader(segment.Generation, SegmentState.Free, 0, 0, 0));
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _frame?.Dispose();

    private void WriteHeader(LogSegment segment, in SegmentHeader header)
    {
        using var unit = NativeBuffer.Allocate(LogFile.UnitBytes, LogFile.UnitBytes);
        var bytes = unit.AsSpan<byte>(0, LogFile.UnitBytes);
        header.Write(bytes, file.Header.StoreId, segment.Number);
        file.Write((long)segment.FirstUnit * LogFile.UnitBytes, bytes);
    }
}
