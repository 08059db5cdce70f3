using System.Security.Cryptography;
using Fathom.Storage.Files;
using Fathom.Storage.KeyValue.Format;
using Fathom.Storage.KeyValue.Log;
using Fathom.Storage.KeyValue.Tables;

namespace Fathom.Storage.KeyValue.Files;

/// <summary>The files of a store from creation to the moment it can be read: lock, header, space map, log.</summary>
internal static class StoreFiles
{
    private const ulong FirstSegment = 1;

    /// <summary>Makes an empty store.</summary>
    public static void Create(string path, StoreShape shape)
    {
        if (!StoreHeader.IsPageSize(shape.Kind, shape.PageBytes))
            throw new ArgumentException($"Pages of {shape.PageBytes} bytes do not suit {shape.Kind} keys.", nameof(shape));
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
            throw new StoreRefusedException(path, StoreRefusal.Missing, "its folder does not exist");
        if (File.Exists(path))
            throw new StoreRefusedException(path, StoreRefusal.Exists, "exists already");
        using var fileLock = LockFile(path);
        foreach (var stale in LogReplay.Segments(path).ToList())
            File.Delete(LogFormat.PathOf(path, stale));
        var header = new StoreHeader
        {
            Kind = shape.Kind,
            PageBytes = shape.PageBytes,
            StoreId = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)),
            Checkpoint = 1,
            FirstSegment = FirstSegment,
        };
        LogSegment.Create(path, header.StoreId, FirstSegment, null).Dispose();
        using (var handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write))
        {
            var slots = new byte[StoreHeader.DataOffsetBytes];
            header.Write(slots.AsSpan((int)header.SlotOffsetBytes));
            RandomAccess.Write(handle, slots, 0);
            RandomAccess.FlushToDisk(handle);
        }
        FileSync.Folder(path);
    }

    /// <summary>Takes the store for this process.</summary>
    public static FileStream Lock(string path)
    {
        if (!File.Exists(path))
            throw new StoreRefusedException(path, StoreRefusal.Missing, "does not exist");
        return LockFile(path);
    }

    /// <summary>The header that counts.</summary>
    public static StoreHeader ReadHeader(StoreFile file)
    {
        if (file.LengthBytes < StoreHeader.DataOffsetBytes)
            throw new StoreFormatException(file.Path, StoreFormatFault.NotAStore, "is too short to be a store");
        var slots = new byte[StoreHeader.DataOffsetBytes];
        file.Read(0, slots);
        var even = StoreHeader.Read(file.Path, slots, 0);
        var odd = StoreHeader.Read(file.Path, slots.AsSpan(4096), 4096);
        var header = even is null || (odd is not null && odd.Checkpoint > even.Checkpoint) ? odd : even;
        if (header is null)
            throw new StoreFormatException(file.Path, StoreFormatFault.NotAStore, "has no header that passes its checksum");
        if (file.LengthBytes < header.FileEndBytes)
            throw new StoreFormatException(file.Path, StoreFormatFault.Header, $"has {file.LengthBytes} bytes, its header says {header.FileEndBytes}");
        return header;
    }

    /// <summary>The space map of a header.</summary>
    public static SpaceMap ReadSpaceMap(StoreFile file, StoreHeader header)
    {
        if (header.SpaceMap.IsNone)
            return new SpaceMap(header.FileEndBytes, [], []);
        var bytes = new byte[header.SpaceMap.LengthBytes];
        file.Read(header.SpaceMap.OffsetBytes, bytes);
        return SpaceMap.Read(file.Path, header, bytes);
    }

    /// <summary>Replays the log into a table, closes what was written and starts a new segment.</summary>
    public static LogSegment Recover(string path, StoreHeader header, MemoryTable table)
    {
        var found = LogReplay.Run(path, header, table);
        foreach (var number in LogReplay.Segments(path).Where(number => number < header.FirstSegment).ToList())
            File.Delete(LogFormat.PathOf(path, number));
        if (found.Position == 0)
            return LogSegment.Create(path, header.StoreId, found.Newest, null);
        if (!found.IsSealed)
        {
            using var newest = LogSegment.Continue(path, header.StoreId, found.Newest, found.Position);
            newest.Seal();
        }
        return LogSegment.Create(path, header.StoreId, found.Newest + 1, null);
    }

    private static FileStream LockFile(string path)
    {
        try
        {
            return new FileStream(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        }
        catch (IOException busy)
        {
            throw new StoreRefusedException(path, StoreRefusal.InUse, "is in use", busy);
        }
    }
}
