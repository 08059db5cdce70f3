using System.Buffers.Binary;
using Fathom.Storage;

namespace Fathom.Tiering.BlockLog.Format;

/// <summary>How a segment stands.</summary>
internal enum SegmentState
{
    /// <summary>Nothing in it counts.</summary>
    Free = 0,

    /// <summary>Being appended to; where it ends shows when it is read.</summary>
    Open = 1,

    /// <summary>Whole, with a summary of its blocks at its end.</summary>
    Sealed = 2,
}

/// <summary>The first unit of a segment.</summary>
/// <param name="Generation">Counts the segments written since the log was made; 0 before the first.</param>
/// <param name="State">How it stands.</param>
/// <param name="UsedUnits">Of a sealed one: units up to the end of its last frame.</param>
/// <param name="Blocks">Of a sealed one: entries of its summary, which begins behind those units.</param>
/// <param name="SummaryChecksum">Of a sealed one.</param>
internal readonly record struct SegmentHeader(uint Generation, SegmentState State, uint UsedUnits, int Blocks, ulong SummaryChecksum)
{
    private const uint Mark = 0x4745534B; // "KSEG"

    public void Write(Span<byte> unit, ulong storeId, int number)
    {
        unit.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(unit[8..], Mark);
        BinaryPrimitives.WriteUInt32LittleEndian(unit[12..], Generation);
        BinaryPrimitives.WriteInt32LittleEndian(unit[16..], (int)State);
        BinaryPrimitives.WriteUInt32LittleEndian(unit[20..], UsedUnits);
        BinaryPrimitives.WriteInt32LittleEndian(unit[24..], Blocks);
        BinaryPrimitives.WriteUInt64LittleEndian(unit[32..], SummaryChecksum);
        BinaryPrimitives.WriteUInt64LittleEndian(unit, WordMix.Of(Seed(storeId, number), unit[8..]));
    }

    /// <summary>Reads the header of a segment; null when nothing was ever written there or it is damaged.</summary>
    public static SegmentHeader? Read(ReadOnlySpan<byte> unit, ulong storeId, int number, uint segmentUnits)
    {
        var header = new SegmentHeader(
            BinaryPrimitives.ReadUInt32LittleEndian(unit[12..]), (SegmentState)BinaryPrimitives.ReadInt32LittleEndian(unit[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(unit[20..]), BinaryPrimitives.ReadInt32LittleEndian(unit[24..]),
            BinaryPrimitives.ReadUInt64LittleEndian(unit[32..]));
        var holds = BinaryPrimitives.ReadUInt32LittleEndian(unit[8..]) == Mark
            && BinaryPrimitives.ReadUInt64LittleEndian(unit) == WordMix.Of(Seed(storeId, number), unit[8..])
            && header.State is SegmentState.Free or SegmentState.Open or SegmentState.Sealed
            && header.UsedUnits <= segmentUnits && (uint)header.Blocks <= header.UsedUnits
            && header.UsedUnits + SummaryUnits(header.Blocks) <= segmentUnits;
        return holds ? header : null;
    }

    /// <summary>Units that the summary of some blocks takes.</summary>
    public static uint SummaryUnits(int blocks) => (uint)((((long)blocks * FrameEntry.Bytes) + LogFile.UnitBytes - 1) / LogFile.UnitBytes);

    private static ulong Seed(ulong storeId, int number) => WordMix.Round(storeId, (ulong)number);
}
