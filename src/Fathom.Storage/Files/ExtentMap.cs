using Fathom.Storage.Native;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Storage.Files;

/// <summary>Where a file's data lies, as its file system tells: ranges of the file, in order, with their place on the device.</summary>
/// <remarks>Immutable. Nothing is read by it: the system finds blocks itself; the map shows when a file's data was moved or taken away.</remarks>
internal sealed unsafe class ExtentMap
{
    /// <summary>Files in more pieces than this are not mapped.</summary>
    public const int ExtentsMax = 1 << 16;

    private const int ExtentsPerCall = 64;
    private const uint LastExtent = 1;
    private const uint PlaceUnknown = 2 | 4 | 8 | 0x80 | 0x100 | 0x200 | 0x400; // unknown, delayed, encoded, encrypted, not aligned, inline, tail
    private const uint Unwritten = 0x800;

    private readonly List<Extent> _extents;

    private ExtentMap(List<Extent> extents) => _extents = extents;

    /// <summary>Reads the map; null where the file system tells none, or the file is in too many pieces.</summary>
    /// <param name="handle">Open for reading.</param>
    /// <param name="flushes">Whether data that has no place yet is written out first.</param>
    public static ExtentMap? TryRead(SafeFileHandle handle, bool flushes)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        var request = stackalloc byte[sizeof(FileExtentRequest) + (ExtentsPerCall * sizeof(FileExtent))];
        var header = (FileExtentRequest*)request;
        var found = (FileExtent*)(request + sizeof(FileExtentRequest));
        var extents = new List<Extent>();
        for (var start = 0UL; ;)
        {
            *header = new FileExtentRequest
            {
                Start = start, Length = ulong.MaxValue - start, Flags = flushes ? FileExtentRequest.Flush : 0, ExtentCount = ExtentsPerCall,
            };
            // SAFETY: the buffer holds the header and ExtentsPerCall extents, as the header says.
            if (LinuxFiles.ControlDevice(handle, FileExtentRequest.Number, header) != 0)
                return null;
            var count = uint.Min(header->MappedExtents, ExtentsPerCall);
            for (var i = 0; i < count; i++)
            {
                if (!TryAdd(extents, found[i]))
                    return null;
            }
            if (count == 0 || (found[count - 1].Flags & LastExtent) != 0)
                return new ExtentMap(extents);
            var next = found[count - 1].Logical + found[count - 1].Length;
            if (next <= start)
                return null;
            start = next;
        }
    }

    /// <summary>Whether every byte of a range was written at some time.</summary>
    public bool HoldsData(long offsetBytes, long lengthBytes)
    {
        var end = offsetBytes + lengthBytes;
        for (var i = IndexOf(offsetBytes); offsetBytes < end; i++)
        {
            if (i == _extents.Count || _extents[i].OffsetBytes > offsetBytes)
                return false;
            offsetBytes = _extents[i].EndBytes;
        }
        return true;
    }

    /// <summary>Whether data that this map shows lies at the same place in a later one, as far as the file still reaches.</summary>
    /// <param name="later">The later map.</param>
    /// <param name="lengthBytes">Length of the file at the time of the later map.</param>
    public bool IsKeptBy(ExtentMap later, long lengthBytes)
    {
        foreach (var extent in _extents)
        {
            var end = long.Min(extent.EndBytes, lengthBytes);
            var i = later.IndexOf(extent.OffsetBytes);
            for (var at = extent.OffsetBytes; at < end; i++)
            {
                if (i == later._extents.Count || later._extents[i].OffsetBytes > at)
                    return false;
                var now = later._extents[i];
                // A place that was not known may have become one; a known one stays.
                if (extent.HasPlace && (!now.HasPlace || now.PlaceBytes - now.OffsetBytes != extent.PlaceBytes - extent.OffsetBytes))
                    return false;
                at = now.EndBytes;
            }
        }
        return true;
    }

    private static bool TryAdd(List<Extent> extents, in FileExtent found)
    {
        if ((found.Flags & Unwritten) != 0)
            return true; // reads as zeros, as a hole does
        if (found.Logical > long.MaxValue || found.Length > long.MaxValue - found.Logical || extents.Count == ExtentsMax)
            return false;
        var extent = new Extent(
            (long)found.Logical, (long)(found.Logical + found.Length), unchecked((long)found.Physical), (found.Flags & PlaceUnknown) == 0);
        if (extents.Count > 0 && extents[^1].EndBytes > extent.OffsetBytes)
            return false; // the file changes while it is mapped: no map rather than a wrong one
        if (extent.EndBytes > extent.OffsetBytes)
            extents.Add(extent);
        return true;
    }

    /// <summary>Index of the extent that holds an offset, or of the first one behind it.</summary>
    private int IndexOf(long offsetBytes)
    {
        var (low, high) = (0, _extents.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_extents[middle].EndBytes > offsetBytes)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }

    private readonly record struct Extent(long OffsetBytes, long EndBytes, long PlaceBytes, bool HasPlace);
}
