using Fathom.Storage.KeyValue.Files;
using Fathom.Storage.KeyValue.Format;
using Fathom.Storage.KeyValue.Space;
using Fathom.Storage.KeyValue.Tables;

namespace Fathom.Storage.KeyValue.Trees;

/// <summary>
/// Brings the entries of a memory table into the tree: values that fit are written over the old ones, the others get new records, and every
/// page that changes is written anew, up to the root. The old pages stay for readers.
/// </summary>
/// <remarks>One thread's. Nothing counts before the header is written.</remarks>
internal sealed class TreeMerge
{
    private const int WritersMax = 8;

    private readonly TreeReader _reader;
    private readonly StoreSpace _space;
    private readonly StoreHeader _old;
    private readonly BlockWriter _writer;
    private readonly PagePacking _packing;
    private readonly CancellationToken _cancellation;
    private readonly EntryRun[] _runs = [.. Enumerable.Range(0, StoreHeader.LevelsMax + 2).Select(_ => new EntryRun())];
    private readonly List<int> _counts = [];
    private MemoryTable.Node? _next;
    private long _entries;
    private long _recordBytes;

    public TreeMerge(TreeReader reader, StoreSpace space, StoreHeader old, CancellationToken cancellation)
    {
        _reader = reader;
        _space = space;
        _old = old;
        _cancellation = cancellation;
        _writer = new BlockWriter(reader.File, WritersMax);
        _packing = new PagePacking(reader.Kind, reader.PageBytes);
        _entries = old.Entries;
        _recordBytes = old.RecordBytes;
    }

    /// <summary>Merges; all pages and records of the result are written, not flushed. The space map is still the old one.</summary>
    /// <param name="table">The entries.</param>
    /// <exception cref="OperationCanceledException">Cancelled: the old tree still counts.</exception>
    public StoreHeader Run(MemoryTable table)
    {
        _next = table.LowerBound([]);
        var level = Math.Max(1, _old.Levels) - 1;
        var run = _runs[level + 1];
        run.Clear();
        if (_old.Levels == 0)
            MergeLeaf(default, [], null, run);
        else
            Merge(_old.Root, level, [], null, run);
        while (run.Count > 1)
        {
            level++;
            var above = _runs[level + 1];
            above.Clear();
            WritePages(run, level, [], above);
            run = above;
        }
        _writer.Flush();
        var root = run.Count == 0 ? default : run.Pointer(0);
        var levels = run.Count == 0 ? 0 : level + 1;
        while (levels > 1 && TryOnlyChild(root, levels - 1, out var child))
        {
            _space.ReleasePage(root);
            root = child;
            levels--;
        }
        return _old with { Root = root, Levels = levels, Entries = _entries, RecordBytes = _recordBytes };
    }

    private bool TryOnlyChild(ExtentPointer pointer, int level, out ExtentPointer child)
    {
        var page = new PageView(_reader.Page(_old with { FileEndBytes = _space.FileEndBytes }, pointer, level));
        child = page.Pointer(0);
        return page.Count == 1;
    }

    /// <summary>Merges what is below <paramref name="upper"/> into a subtree; adds what it became to <paramref name="result"/>.</summary>
    private void Merge(ExtentPointer pointer, int level, ReadOnlySpan<byte> low, byte[]? upper, EntryRun result)
    {
        if (level == 0)
        {
            MergeLeaf(pointer, low, upper, result);
            return;
        }
        _cancellation.ThrowIfCancellationRequested();
        var page = new PageView(_reader.Page(_old, pointer, level));
        if (level == 1)
            ReadAhead(page, upper);
        var run = _runs[level];
        run.Clear();
        var isChanged = false;
        Span<byte> key = stackalloc byte[KeyOrder.KeyBytesMax];
        for (var i = 0; i < page.Count; i++)
        {
            var bytes = page.CopyKey(i, key);
            var bound = i + 1 < page.Count ? KeyOf(page, i + 1) : upper;
            if (_next is null || !IsBelow(_next, bound))
            {
                run.Add(key[..bytes], page.Pointer(i));
                continue;
            }
            var before = run.Count;
            Merge(page.Pointer(i), level - 1, key[..bytes], bound, run);
            isChanged |= run.Count != before + 1 || run.Pointer(before) != page.Pointer(i);
        }
        if (!isChanged)
        {
            result.Add(low.IsEmpty ? run.Key(0) : low, pointer);
            return;
        }
        _space.ReleasePage(pointer);
        WritePages(run, level, low, result);
    }

    private void MergeLeaf(ExtentPointer pointer, ReadOnlySpan<byte> low, byte[]? upper, EntryRun result)
    {
        var page = pointer.IsNone ? default : new PageView(_reader.Page(_old, pointer, 0));
        var count = pointer.IsNone ? 0 : page.Count;
        var run = _runs[0];
        run.Clear();
        var isChanged = false;
        var index = 0;
        for (; _next is { } entry && IsBelow(entry, upper); _next = entry.Following)
        {
            var found = false;
            var end = count == 0 ? 0 : page.LowerBound(entry.Key, out found);
            for (; index < end; index++)
                run.Add(page, index);
            isChanged |= found ? Update(page, index, entry, run) : Insert(entry, run);
            index += found ? 1 : 0;
        }
        for (; index < count; index++)
            run.Add(page, index);
        if (!isChanged)
        {
            if (!pointer.IsNone)
                result.Add(low.IsEmpty ? run.Key(0) : low, pointer);
            return;
        }
        if (!pointer.IsNone)
            _space.ReleasePage(pointer);
        WritePages(run, 0, low, result);
    }

    /// <summary>A key that the leaf has: overwritten, moved or deleted. True when the leaf changes.</summary>
    private bool Update(PageView page, int index, MemoryTable.Node entry, EntryRun run)
    {
        var record = page.Pointer(index);
        if (entry.Value is not { } value)
        {
            Release(record);
            _entries--;
            return true;
        }
        if (ValueRecord.FitsInPlace(value.Length, record.LengthBytes))
        {
            _writer.AddRecord(record, entry.Key, value);
            run.Add(entry.Key, record);
            return false;
        }
        Release(record);
        run.Add(entry.Key, Place(entry.Key, value));
        return true;
    }

    /// <summary>A key that the leaf does not have. True when the leaf changes.</summary>
    private bool Insert(MemoryTable.Node entry, EntryRun run)
    {
        if (entry.Value is not { } value)
            return false;
        run.Add(entry.Key, Place(entry.Key, value));
        _entries++;
        return true;
    }

    private ExtentPointer Place(byte[] key, byte[] value)
    {
        var record = _space.TakeRecord(ValueRecord.BytesOf(value.Length));
        _recordBytes += record.LengthBytes;
        _writer.AddRecord(record, key, value);
        return record;
    }

    private void Release(ExtentPointer record)
    {
        _recordBytes -= record.LengthBytes;
        _space.ReleaseRecord(record);
    }

    /// <summary>Writes a run as pages of a level; the first keeps the lower bound that its parent knows.</summary>
    private void WritePages(EntryRun run, int level, ReadOnlySpan<byte> low, EntryRun result)
    {
        _packing.Split(run, _counts);
        var start = 0;
        foreach (var count in _counts)
        {
            var pointer = _space.TakePage();
            var bytes = new byte[_reader.PageBytes];
            _packing.Write(run, start, count, level, pointer.OffsetBytes, bytes);
            _writer.AddPage(pointer.OffsetBytes, bytes);
            _reader.Pages.Add(pointer.OffsetBytes, bytes);
            var first = run.Key(start);
            if (start == 0)
                result.Add(low.IsEmpty || low.SequenceCompareTo(first) > 0 ? first : low, pointer);
            else
                result.Add(level == 0 && _reader.Kind == KeyKind.Variable ? KeyOrder.Separator(run.Key(start - 1), first) : first, pointer);
            start += count;
        }
    }

    /// <summary>Reads the leaves below a page that are about to change, all at once.</summary>
    private void ReadAhead(PageView page, byte[]? upper)
    {
        var entry = _next;
        var missing = new List<ExtentPointer>();
        for (var i = 0; i < page.Count && entry is not null && IsBelow(entry, upper); i++)
        {
            var bound = i + 1 < page.Count ? KeyOf(page, i + 1) : upper;
            if (!IsBelow(entry, bound))
                continue;
            if (!_reader.Pages.TryGet(page.Pointer(i).OffsetBytes, out _))
                missing.Add(page.Pointer(i));
            while (entry is not null && IsBelow(entry, bound))
                entry = entry.Following;
        }
        if (missing.Count > 1)
            _reader.ReadPages(_old, missing, 0);
    }

    private static byte[] KeyOf(PageView page, int index)
    {
        Span<byte> key = stackalloc byte[KeyOrder.KeyBytesMax];
        return key[..page.CopyKey(index, key)].ToArray();
    }

    private static bool IsBelow(MemoryTable.Node entry, byte[]? bound) =>
        bound is null || entry.Key.AsSpan().SequenceCompareTo(bound) < 0;
}
