using Fathom.Storage.KeyValue.Files;
using Fathom.Storage.KeyValue.Format;
using Fathom.Storage.KeyValue.Space;

namespace Fathom.Storage.KeyValue.Merging;

/// <summary>Makes a tree that is written the one that counts: space map, flush, header in the other slot, flush.</summary>
internal static class CheckpointWriter
{
    /// <summary>Writes the checkpoint; returns the header as it stands in the file.</summary>
    public static StoreHeader Write(StoreFile file, StoreSpace space, StoreHeader header)
    {
        if (!header.SpaceMap.IsNone)
            space.ReleaseRecord(header.SpaceMap);
        var pointer = space.TakeRecord((int)((space.MapBytesMax + 511) & -512));
        var map = new byte[pointer.LengthBytes];
        var content = space.ToMap();
        content.Write(map, pointer.OffsetBytes);
        file.Write(pointer.OffsetBytes, map);
        // Whole blocks can be read up to the last byte that is given out.
        file.Extend((content.FileEndBytes + 4095) & -4096);
        file.Flush();

        var written = header with { SpaceMap = pointer, FileEndBytes = content.FileEndBytes };
        var slot = new byte[StoreHeader.SlotBytes];
        written.Write(slot);
        file.Write(written.SlotOffsetBytes, slot);
        file.Flush();
        return written;
    }
}
