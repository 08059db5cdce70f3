using System.Buffers.Binary;
using System.Numerics;

namespace Fathom.Storage.KeyValue.Format;

/// <summary>What a header slot says: the kind of the store and the tree of one checkpoint.</summary>
internal sealed record StoreHeader
{
    /// <summary>Bytes of a slot.</summary>
    public const int SlotBytes = 512;

    /// <summary>First byte that is not the headers'.</summary>
    public const long DataOffsetBytes = 8192;

    /// <summary>Format version.</summary>
    public const int Version = 1;

    /// <summary>Most levels of a tree.</summary>
    public const int LevelsMax = 16;

    /// <summary>Page size of stores with fixed keys.</summary>
    public const int FixedPageBytes = 512;

    private const ulong Magic = 0x564B4D4F48544146; // "FATHOMKV"

    /// <summary>Kind of keys.</summary>
    public required KeyKind Kind { get; init; }

    /// <summary>Page size.</summary>
    public required int PageBytes { get; init; }

    /// <summary>Ties the log to the store.</summary>
    public required ulong StoreId { get; init; }

    /// <summary>Number of the checkpoint, from 1.</summary>
    public required ulong Checkpoint { get; init; }

    /// <summary>Levels of the tree; 0 when it is empty.</summary>
    public int Levels { get; init; }

    /// <summary>Root page.</summary>
    public ExtentPointer Root { get; init; }

    /// <summary>Entries in the tree.</summary>
    public long Entries { get; init; }

    /// <summary>Bytes of the file that are given out.</summary>
    public long FileEndBytes { get; init; } = DataOffsetBytes;

    /// <summary>Where the space map is.</summary>
    public ExtentPointer SpaceMap { get; init; }

    /// <summary>First segment of the log that is not in the tree.</summary>
    public ulong FirstSegment { get; init; }

    /// <summary>Bytes of the extents of live records.</summary>
    public long RecordBytes { get; init; }

    /// <summary>Where this header belongs in the file.</summary>
    public long SlotOffsetBytes => (long)(Checkpoint & 1) * 4096;

    /// <summary>Fills a slot.</summary>
    public void Write(Span<byte> slot)
    {
        slot = slot[..SlotBytes];
        slot.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(slot[8..], Magic);
        BinaryPrimitives.WriteInt32LittleEndian(slot[16..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(slot[20..], (int)Kind);
        BinaryPrimitives.WriteInt32LittleEndian(slot[24..], PageBytes);
        BinaryPrimitives.WriteInt32LittleEndian(slot[28..], Levels);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[32..], StoreId);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[40..], Checkpoint);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[48..], Root.Bits);
        BinaryPrimitives.WriteInt64LittleEndian(slot[56..], Entries);
        BinaryPrimitives.WriteInt64LittleEndian(slot[64..], FileEndBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[72..], SpaceMap.Bits);
        BinaryPrimitives.WriteUInt64LittleEndian(slot[80..], FirstSegment);
        BinaryPrimitives.WriteInt64LittleEndian(slot[88..], RecordBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(slot, WordMix.Of((ulong)SlotOffsetBytes, slot[8..]));
    }

    /// <summary>Reads a slot that stood at <paramref name="slotOffsetBytes"/>; null when it is empty or torn.</summary>
    /// <exception cref="StoreFormatException">The slot is whole, but of another version or out of its own bounds.</exception>
    public static StoreHeader? Read(string path, ReadOnlySpan<byte> slot, long slotOffsetBytes)
    {
        slot = slot[..SlotBytes];
        if (BinaryPrimitives.ReadUInt64LittleEndian(slot[8..]) != Magic
            || BinaryPrimitives.ReadUInt64LittleEndian(slot) != WordMix.Of((ulong)slotOffsetBytes, slot[8..]))
            return null;
        var version = BinaryPrimitives.ReadUInt32LittleEndian(slot[16..]);
        if (version != Version)
            throw new StoreFormatException(path, StoreFormatFault.Version, $"has format version {version}, this build reads {Version}");
        var header = new StoreHeader
        {
            Kind = (KeyKind)BinaryPrimitives.ReadInt32LittleEndian(slot[20..]),
            PageBytes = BinaryPrimitives.ReadInt32LittleEndian(slot[24..]),
            Levels = BinaryPrimitives.ReadInt32LittleEndian(slot[28..]),
            StoreId = BinaryPrimitives.ReadUInt64LittleEndian(slot[32..]),
            Checkpoint = BinaryPrimitives.ReadUInt64LittleEndian(slot[40..]),
            Root = new ExtentPointer(BinaryPrimitives.ReadUInt64LittleEndian(slot[48..])),
            Entries = BinaryPrimitives.ReadInt64LittleEndian(slot[56..]),
            FileEndBytes = BinaryPrimitives.ReadInt64LittleEndian(slot[64..]),
            SpaceMap = new ExtentPointer(BinaryPrimitives.ReadUInt64LittleEndian(slot[72..])),
            FirstSegment = BinaryPrimitives.ReadUInt64LittleEndian(slot[80..]),
            RecordBytes = BinaryPrimitives.ReadInt64LittleEndian(slot[88..]),
        };
        if (header.FieldOutOfBounds() is { } field)
            throw new StoreFormatException(path, StoreFormatFault.Header, $"header slot at {slotOffsetBytes}: {field} is out of bounds");
        return header.SlotOffsetBytes == slotOffsetBytes ? header : null;
    }

    /// <summary>Whether a page size suits a kind of keys.</summary>
    public static bool IsPageSize(KeyKind kind, int pageBytes) =>
        kind == KeyKind.Fixed ? pageBytes == FixedPageBytes : pageBytes is >= 4096 and <= 65536 && BitOperations.IsPow2(pageBytes);

    private string? FieldOutOfBounds()
    {
        if (Kind is not (KeyKind.Fixed or KeyKind.Variable))
            return "kind of keys";
        if (!IsPageSize(Kind, PageBytes))
            return "page size";
        if (FileEndBytes is < DataOffsetBytes or >= 1L << 44)
            return "file_end";
        if (Levels is < 0 or > LevelsMax || Levels == 0 != Root.IsNone || (Levels > 0 && !Root.IsPage(FileEndBytes, PageBytes)))
            return "root";
        if (Entries < 0 || RecordBytes < 0 || Checkpoint == 0)
            return "a count";
        return !SpaceMap.IsNone && !SpaceMap.IsRecord(FileEndBytes) ? "space map" : null;
    }
}
