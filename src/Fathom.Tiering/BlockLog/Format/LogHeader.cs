using System.Buffers.Binary;
using Fathom.Storage;

namespace Fathom.Tiering.BlockLog.Format;

/// <summary>What stands at the beginning of a block log, twice: its identity and how the file is divided. It never changes.</summary>
internal sealed record LogHeader
{
    /// <summary>Size of one copy.</summary>
    public const int Bytes = LogFile.UnitBytes;

    /// <summary>Copies, one after the other.</summary>
    public const int Copies = 2;

    /// <summary>Version of the format.</summary>
    public const uint CurrentVersion = 1;

    private const ulong Mark = 0x474F4C564B544146; // "FATKVLOG"
    private const int ChecksumOffset = Bytes - sizeof(ulong);

    public required ulong StoreId { get; init; }

    public required long CapacityBytes { get; init; }

    public required uint IndexPages { get; init; }

    public required uint SegmentUnits { get; init; }

    public required int Segments { get; init; }

    /// <summary>Where page 0 of the index lies.</summary>
    public static long IndexOffsetBytes => Bytes * Copies;

    /// <summary>First unit of segment 0.</summary>
    public uint FirstSegmentUnit => (uint)((IndexOffsetBytes + ((long)IndexPages * IndexPage.Bytes)) / LogFile.UnitBytes);

    public long FileBytes => (FirstSegmentUnit + ((long)Segments * SegmentUnits)) * LogFile.UnitBytes;

    public static long PageOffsetBytes(uint page) => IndexOffsetBytes + ((long)page * IndexPage.Bytes);

    /// <summary>The page that a run beginning with this key stands in, unless its parent's page has room for it.</summary>
    public uint PageOf(Tiers.KvBlockKey key) => (uint)((((ulong)key.Hash * WordMix.Prime) >> 32) * IndexPages >> 32);

    public void Write(Span<byte> slot)
    {
        slot[..Bytes].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(slot, Mark);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[8..], CurrentVersion);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[12..], IndexPage.RunMax);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[16..], StoreId);
        BinaryPrimitives.WriteInt64LittleEndian(slot[24..], CapacityBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[32..], IndexPages);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[36..], SegmentUnits);
        BinaryPrimitives.WriteInt32LittleEndian(slot[40..], Segments);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[ChecksumOffset..], WordMix.Of(0, slot[..ChecksumOffset]));
    }

    /// <summary>Reads one copy.</summary>
    /// <param name="slot">Its bytes.</param>
    /// <param name="problem">What is wrong, when null is returned.</param>
    public static LogHeader? Read(ReadOnlySpan<byte> slot, out string problem)
    {
        problem = "";
        if (BinaryPrimitives.ReadUInt64LittleEndian(slot) != Mark)
        {
            problem = "is not a block log";
            return null;
        }
        var version = BinaryPrimitives.ReadUInt32LittleEndian(slot[8..]);
        if (version != CurrentVersion)
        {
            problem = $"has version {version} of the format, this program reads version {CurrentVersion}";
            return null;
        }
        var header = new LogHeader
        {
            StoreId = BinaryPrimitives.ReadUInt64LittleEndian(slot[16..]),
            CapacityBytes = BinaryPrimitives.ReadInt64LittleEndian(slot[24..]),
            IndexPages = BinaryPrimitives.ReadUInt32LittleEndian(slot[32..]),
            SegmentUnits = BinaryPrimitives.ReadUInt32LittleEndian(slot[36..]),
            Segments = BinaryPrimitives.ReadInt32LittleEndian(slot[40..]),
        };
        var holds = BinaryPrimitives.ReadUInt64LittleEndian(slot[ChecksumOffset..]) == WordMix.Of(0, slot[..ChecksumOffset])
            && BinaryPrimitives.ReadUInt32LittleEndian(slot[12..]) == IndexPage.RunMax
            && header is { IndexPages: > 0 and < 1 << 24, SegmentUnits: > 1, Segments: > 0 }
            && header.FileBytes <= header.CapacityBytes;
        if (holds)
            return header;
        problem = "has a damaged header";
        return null;
    }
}
