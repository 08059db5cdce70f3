using Fathom.Storage.KeyValue.Files;
using Fathom.Storage.KeyValue.Format;
using Fathom.Storage.KeyValue.Space;

namespace Fathom.Storage.KeyValue.Loading;

/// <summary>Builds a tree from pairs in order: records one behind the other, pages filled to nine tenths, level by level.</summary>
internal sealed class TreeBuilder
{
    private const double Fill = 0.9;
    private const int WritersMax = 2;

    private readonly KeyKind _kind;
    private readonly int _pageBytes;
    private readonly int _gatheredMax;
    private readonly StoreSpace _space;
    private readonly BlockWriter _writer;
    private readonly PagePacking _packing;
    private readonly List<EntryRun> _levels = [new()];
    private readonly EntryRun _rest = new();
    private long _recordBytes;

    public TreeBuilder(StoreFile file, StoreSpace space, KeyKind kind, int pageBytes)
    {
        _kind = kind;
        _pageBytes = pageBytes;
        _gatheredMax = Math.Max(256, pageBytes / 4);
        _space = space;
        _writer = new BlockWriter(file, WritersMax);
        _packing = new PagePacking(kind, pageBytes);
    }

    /// <summary>Pairs added.</summary>
    public long Entries { get; private set; }

    /// <summary>Adds a pair whose key is above the last one.</summary>
    public void Add(byte[] key, byte[] value)
    {
        var record = _space.TakeRecord(ValueRecord.BytesOf(value.Length));
        _recordBytes += record.LengthBytes;
        _writer.AddRecord(record, key, value);
        _levels[0].Add(key, record);
        Entries++;
        if (_levels[0].Count >= _gatheredMax)
            WritePages(0, keepLast: true);
    }

    /// <summary>Writes what is left; returns the header of the tree, not yet a checkpoint.</summary>
    public StoreHeader Finish(StoreHeader header)
    {
        var level = 0;
        while (level < _levels.Count - 1 || _levels[level].Count > 1 || (level == 0 && _levels[0].Count > 0))
        {
            WritePages(level, keepLast: false);
            level++;
        }
        _writer.Flush();
        var root = Entries == 0 ? default : _levels[level].Pointer(0);
        return header with { Root = root, Levels = Entries == 0 ? 0 : level, Entries = Entries, RecordBytes = _recordBytes };
    }

    private void WritePages(int level, bool keepLast)
    {
        var run = _levels[level];
        if (_levels.Count == level + 1)
            _levels.Add(new EntryRun());
        var limit = _kind == KeyKind.Fixed ? _pageBytes : (int)(_pageBytes * Fill);
        var fixedMax = (int)(PageView.FixedSlots * Fill);
        var start = 0;
        while (start < run.Count)
        {
            var count = Math.Max(1, _packing.Fitting(run, start, limit));
            if (_kind == KeyKind.Fixed)
                count = Math.Min(count, fixedMax);
            // A page that more entries may still join is left for the next time.
            if (keepLast && start + count == run.Count)
                break;
            WritePage(run, start, count, level);
            start += count;
        }
        KeepFrom(run, start);
        if (_levels[level + 1].Count >= _gatheredMax)
            WritePages(level + 1, keepLast: true);
    }

    private void WritePage(EntryRun run, int start, int count, int level)
    {
        var pointer = _space.TakePage();
        var page = new byte[_pageBytes];
        _packing.Write(run, start, count, level, pointer.OffsetBytes, page);
        _writer.AddPage(pointer.OffsetBytes, page);
        _levels[level + 1].Add(run.Key(start), pointer);
    }

    private void KeepFrom(EntryRun run, int start)
    {
        _rest.Clear();
        for (var i = start; i < run.Count; i++)
            _rest.Add(run.Key(i), run.Pointer(i));
        run.Clear();
        for (var i = 0; i < _rest.Count; i++)
            run.Add(_rest.Key(i), _rest.Pointer(i));
    }
}
