using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Space;

/// <summary>Which parts of the file are free: for pages, for records, and behind its end.</summary>
/// <remarks>
/// The merge's alone. What a checkpoint lets go of stays untouched until that checkpoint is durable and no reader is left on an
/// older tree.
/// </remarks>
internal sealed class StoreSpace
{
    /// <summary>Pages given to the page pool at a time.</summary>
    private const int PagesPerGrowth = 64;

    /// <summary>Bytes given to the value log at a time; smaller while the file is small.</summary>
    private const long LogGrowthBytesMax = 4 << 20;

    /// <summary>Part of the file that may be free in short extents before they are searched for room.</summary>
    private const int ShortExtentsPart = 8;

    /// <summary>Part of a record that may be added to make it whole sectors.</summary>
    private const int PaddingPart = 16;

    private readonly int _pageBytes;
    private readonly RecordSpace _records = new();
    private readonly Stack<long> _pages = new();
    private readonly Queue<(ulong Tree, List<ExtentPointer> Pages, List<ExtentPointer> Records)> _held = new();
    private List<ExtentPointer> _releasedPages = [];
    private List<ExtentPointer> _releasedRecords = [];

    public StoreSpace(int pageBytes, SpaceMap map)
    {
        _pageBytes = pageBytes;
        FileEndBytes = map.FileEndBytes;
        foreach (var page in map.Pages.Reverse())
            _pages.Push(page);
        foreach (var (start, length) in map.Extents)
            _records.Free(start, length);
    }

    /// <summary>End of what is given out.</summary>
    public long FileEndBytes { get; private set; }

    /// <summary>Bytes free for records, held ones not counted.</summary>
    public long FreeRecordBytes => _records.FreeBytes;

    /// <summary>Takes a page.</summary>
    public ExtentPointer TakePage()
    {
        if (!_pages.TryPop(out var offset))
        {
            var start = (FileEndBytes + _pageBytes - 1) & -_pageBytes;
            if (start > FileEndBytes)
                _records.Free(FileEndBytes, start - FileEndBytes);
            FileEndBytes = start + (long)PagesPerGrowth * _pageBytes;
            for (var i = PagesPerGrowth - 1; i >= 0; i--)
                _pages.Push(start + (long)i * _pageBytes);
            offset = _pages.Pop();
        }
        return ExtentPointer.Of(offset, _pageBytes);
    }

    /// <summary>Takes room for a record; one that nearly fills whole sectors gets them, so that it is overwritten without reading what is around it.</summary>
    public ExtentPointer TakeRecord(int bytes)
    {
        var sectors = (bytes + RecordSpace.SectorBytes - 1) & -RecordSpace.SectorBytes;
        if ((long)(sectors - bytes) * PaddingPart <= bytes && sectors <= ExtentPointer.LengthBytesMax)
            bytes = sectors;
        var useShort = _records.FreeBytes > FileEndBytes / ShortExtentsPart;
        long start;
        int capacity;
        while (!_records.TryTake(bytes, useShort, out start, out capacity))
        {
            var growth = Math.Max((bytes + 2L * RecordSpace.SectorBytes) & -RecordSpace.SectorBytes, Math.Min(LogGrowthBytesMax, Math.Max(64 << 10, FileEndBytes / 8 & -4096)));
            _records.Free(FileEndBytes, growth);
            FileEndBytes += growth;
        }
        return ExtentPointer.Of(start, capacity);
    }

    /// <summary>A page that the next checkpoint does not need.</summary>
    public void ReleasePage(ExtentPointer page) => _releasedPages.Add(page);

    /// <summary>A record that the next checkpoint does not need.</summary>
    public void ReleaseRecord(ExtentPointer record) => _releasedRecords.Add(record);

    /// <summary>Upper bound of the bytes of <see cref="ToMap"/>, with room for what taking them may change.</summary>
    public long MapBytesMax =>
        SpaceMap.BytesOf(
            _pages.Count + _releasedPages.Count + _held.Sum(held => held.Pages.Count) + PagesPerGrowth,
            _records.Count + _releasedRecords.Count + _held.Sum(held => held.Records.Count) + 8);

    /// <summary>Free room as the next checkpoint has it: what is released or held is free once a store opens again.</summary>
    public SpaceMap ToMap()
    {
        var pages = _pages.Concat(_releasedPages.Select(page => page.OffsetBytes)).Concat(_held.SelectMany(held => held.Pages, (_, page) => page.OffsetBytes));
        var records = _records.Extents
            .Concat(_releasedRecords.Select(record => (record.OffsetBytes, (long)record.LengthBytes)))
            .Concat(_held.SelectMany(held => held.Records, (_, record) => (record.OffsetBytes, (long)record.LengthBytes)));
        return new SpaceMap(FileEndBytes, [.. pages.Order()], [.. records.OrderBy(extent => extent.Item1)]);
    }

    /// <summary>The checkpoint is durable: what it released is free when no reader is left on <paramref name="olderTree"/> or below.</summary>
    public void Hold(ulong olderTree)
    {
        _held.Enqueue((olderTree, _releasedPages, _releasedRecords));
        _releasedPages = [];
        _releasedRecords = [];
    }

    /// <summary>Frees what was held for trees below <paramref name="oldestInUse"/>.</summary>
    /// <param name="oldestInUse">Oldest tree that a reader may be on.</param>
    /// <param name="pageIsFree">Called with each page's offset.</param>
    public void Reclaim(ulong oldestInUse, Action<long> pageIsFree)
    {
        while (_held.TryPeek(out var held) && held.Tree < oldestInUse)
        {
            _held.Dequeue();
            foreach (var page in held.Pages)
            {
                pageIsFree(page.OffsetBytes);
                _pages.Push(page.OffsetBytes);
            }
            foreach (var record in held.Records)
                _records.Free(record.OffsetBytes, record.LengthBytes);
        }
    }
}
