using Fathom.Storage.KeyValue.Caching;
using Fathom.Storage.KeyValue.Files;
using Fathom.Storage.KeyValue.Format;
using Fathom.Storage.KeyValue.Log;
using Fathom.Storage.KeyValue.Tables;
using Fathom.Storage.KeyValue.Trees;

namespace Fathom.Storage.KeyValue.Checking;

/// <summary>Reads a whole store: every page and record passes, keys rise over the tree, and tree and free room cover the file exactly.</summary>
/// <remarks>Changes nothing. The records of keys that the log holds may be torn: they are written again from it.</remarks>
internal sealed class StoreCheck
{
    private readonly TreeReader _reader;
    private readonly StoreHeader _header;
    private readonly MemoryTable _log;
    private readonly CancellationToken _cancellation;
    private readonly List<(long Start, long Length)> _extents = [];
    private long _pages;
    private long _entries;
    private long _recordBytes;

    private StoreCheck(TreeReader reader, StoreHeader header, MemoryTable log, CancellationToken cancellation)
    {
        _reader = reader;
        _header = header;
        _log = log;
        _cancellation = cancellation;
    }

    /// <inheritdoc cref="KeyValueStore.Check"/>
    public static StoreReport Run(string path, KeyValueOptions options, CancellationToken cancellation)
    {
        using var fileLock = StoreFiles.Lock(path);
        using var file = StoreFile.Open(path, options.Engine, options.Direct);
        var header = StoreFiles.ReadHeader(file);
        var map = StoreFiles.ReadSpaceMap(file, header);
        var log = new MemoryTable(header.FirstSegment);
        LogReplay.Run(path, header, log);
        var reader = new TreeReader(file, header.Kind, header.PageBytes, new PageCache(0));
        return new StoreCheck(reader, header, log, cancellation).Run(map);
    }

    private StoreReport Run(SpaceMap map)
    {
        if (_header.Levels > 0)
            Visit(_header.Root, _header.Levels - 1, [], null);
        if (_entries != _header.Entries || _recordBytes != _header.RecordBytes)
            throw Wrong(StoreFormatFault.Header, $"the tree has {_entries} entries and {_recordBytes} bytes of records, its header says {_header.Entries} and {_header.RecordBytes}");
        var free = map.Pages.Sum(_ => (long)_header.PageBytes) + map.Extents.Sum(extent => extent.LengthBytes);
        foreach (var page in map.Pages)
            _extents.Add((page, _header.PageBytes));
        foreach (var (start, length) in map.Extents)
            _extents.Add((start, length));
        if (!_header.SpaceMap.IsNone)
            _extents.Add((_header.SpaceMap.OffsetBytes, _header.SpaceMap.LengthBytes));
        CheckCoverage();
        return new StoreReport
        {
            Checkpoint = _header.Checkpoint,
            Levels = _header.Levels,
            Pages = _pages,
            Entries = _entries,
            RecordBytes = _recordBytes,
            FreeBytes = free,
            FileBytes = _header.FileEndBytes,
            LogEntries = _log.Count,
        };
    }

    private void Visit(ExtentPointer pointer, int level, byte[] low, byte[]? high)
    {
        _cancellation.ThrowIfCancellationRequested();
        var bytes = _reader.ReadPage(_header, pointer, level);
        var page = new PageView(bytes);
        _pages++;
        _extents.Add((pointer.OffsetBytes, pointer.LengthBytes));
        var keys = new byte[page.Count][];
        Span<byte> room = stackalloc byte[KeyOrder.KeyBytesMax];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = room[..page.CopyKey(i, room)].ToArray();
        if (keys[0].AsSpan().SequenceCompareTo(low) < 0 || (high is not null && keys[^1].AsSpan().SequenceCompareTo(high) >= 0))
            throw Wrong(StoreFormatFault.PageOrder, "a page's keys are out of its parent's bounds", pointer.OffsetBytes);
        if (level == 0)
        {
            VisitRecords(page, keys);
            return;
        }
        for (var i = 0; i < keys.Length; i++)
            Visit(page.Pointer(i), level - 1, i == 0 ? low : keys[i], i + 1 < keys.Length ? keys[i + 1] : high);
    }

    private void VisitRecords(PageView page, byte[][] keys)
    {
        var records = new ExtentPointer[keys.Length];
        for (var i = 0; i < keys.Length; i++)
        {
            records[i] = page.Pointer(i);
            _entries++;
            _recordBytes += records[i].LengthBytes;
            _extents.Add((records[i].OffsetBytes, records[i].LengthBytes));
        }
        var order = Enumerable.Range(0, records.Length).OrderBy(i => records[i].OffsetBytes).ToArray();
        for (var next = 0; next < order.Length;)
            next = ReadGroup(keys, records, order, next);
    }

    /// <summary>Reads the records from one on that lie close together.</summary>
    private int ReadGroup(byte[][] keys, ExtentPointer[] records, int[] order, int first)
    {
        const int GroupBytesMax = 1 << 20;
        var start = records[order[first]].OffsetBytes;
        var end = records[order[first]].EndBytes;
        var last = first + 1;
        while (last < order.Length && records[order[last]].OffsetBytes - end < _header.PageBytes && records[order[last]].EndBytes - start <= GroupBytesMax)
            end = Math.Max(end, records[order[last++]].EndBytes);
        var bytes = new byte[end - start];
        _reader.File.Read(start, bytes);
        for (var i = first; i < last; i++)
        {
            var (record, key) = (records[order[i]], keys[order[i]]);
            if (!ValueRecord.TryRead(bytes.AsSpan((int)(record.OffsetBytes - start), record.LengthBytes), key, out _) && !_log.TryGet(key, out _))
                throw Wrong(StoreFormatFault.Record, "a value record does not match its checksum", record.OffsetBytes);
        }
        return last;
    }

    private void CheckCoverage()
    {
        _extents.Sort();
        var at = StoreHeader.DataOffsetBytes;
        foreach (var (start, length) in _extents)
        {
            if (start != at)
                throw Wrong(StoreFormatFault.SpaceMap, start < at ? "an extent is in use twice" : "room is neither used nor free", Math.Min(start, at));
            at = start + length;
        }
        if (at != _header.FileEndBytes)
            throw Wrong(StoreFormatFault.SpaceMap, "room is neither used nor free", at);
    }

    private StoreFormatException Wrong(StoreFormatFault fault, string problem, long offset = -1) => new(_reader.File.Path, fault, problem, offset);
}
