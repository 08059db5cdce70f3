using System.Buffers.Binary;

namespace Fathom.Storage.KeyValue.Format;

/// <summary>Free room as a checkpoint writes it down.</summary>
/// <param name="FileEndBytes">End of the file it belongs to.</param>
/// <param name="Pages">Offsets of free pages, rising.</param>
/// <param name="Extents">Free extents of the value log, rising and disjoint.</param>
internal sealed record SpaceMap(long FileEndBytes, long[] Pages, (long OffsetBytes, long LengthBytes)[] Extents)
{
    private const int HeaderBytes = 32;

    /// <summary>Bytes for so many pages and extents.</summary>
    public static long BytesOf(int pages, int extents) => HeaderBytes + 8L * pages + 16L * extents;

    /// <summary>Writes the map to an extent that begins at <paramref name="offsetBytes"/>.</summary>
    public void Write(Span<byte> destination, long offsetBytes)
    {
        destination.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(destination[8..], Pages.Length);
        BinaryPrimitives.WriteInt64LittleEndian(destination[16..], Extents.Length);
        BinaryPrimitives.WriteInt64LittleEndian(destination[24..], FileEndBytes);
        var at = HeaderBytes;
        foreach (var page in Pages)
        {
            BinaryPrimitives.WriteInt64LittleEndian(destination[at..], page);
            at += 8;
        }
        foreach (var (offset, length) in Extents)
        {
            BinaryPrimitives.WriteInt64LittleEndian(destination[at..], offset);
            BinaryPrimitives.WriteInt64LittleEndian(destination[(at + 8)..], length);
            at += 16;
        }
        BinaryPrimitives.WriteUInt64LittleEndian(destination, WordMix.Of((ulong)offsetBytes, destination[8..]));
    }

    /// <summary>Reads the map of a header from the whole of its extent.</summary>
    /// <exception cref="StoreFormatException">It is damaged.</exception>
    public static SpaceMap Read(string path, StoreHeader header, ReadOnlySpan<byte> extent)
    {
        var offset = header.SpaceMap.OffsetBytes;
        StoreFormatException Damaged(string problem) => new(path, StoreFormatFault.SpaceMap, $"space map {problem}", offset);

        if (extent.Length < HeaderBytes || BinaryPrimitives.ReadUInt64LittleEndian(extent) != WordMix.Of((ulong)offset, extent[8..]))
            throw Damaged("does not match its checksum");
        var pages = BinaryPrimitives.ReadUInt64LittleEndian(extent[8..]);
        var extents = BinaryPrimitives.ReadUInt64LittleEndian(extent[16..]);
        if (pages > int.MaxValue || extents > int.MaxValue || BytesOf((int)pages, (int)extents) > extent.Length)
            throw Damaged("counts more than it holds");
        if (BinaryPrimitives.ReadInt64LittleEndian(extent[24..]) != header.FileEndBytes)
            throw Damaged("belongs to another end of file");
        var map = new SpaceMap(header.FileEndBytes, new long[pages], new (long, long)[extents]);
        var last = StoreHeader.DataOffsetBytes - 1;
        var at = HeaderBytes;
        for (var i = 0; i < map.Pages.Length; i++, at += 8)
        {
            var page = BinaryPrimitives.ReadInt64LittleEndian(extent[at..]);
            if (page <= last || page % header.PageBytes != 0 || page > header.FileEndBytes - header.PageBytes)
                throw Damaged($"has a bad page {page}");
            map.Pages[i] = page;
            last = page;
        }
        last = StoreHeader.DataOffsetBytes;
        for (var i = 0; i < map.Extents.Length; i++, at += 16)
        {
            var start = BinaryPrimitives.ReadInt64LittleEndian(extent[at..]);
            var length = BinaryPrimitives.ReadInt64LittleEndian(extent[(at + 8)..]);
            if (start < last || length <= 0 || (start & 7) != 0 || (length & 7) != 0 || length > header.FileEndBytes - start)
                throw Damaged($"has a bad extent {start}+{length}");
            map.Extents[i] = (start, length);
            last = start + length;
        }
        return map;
    }
}
