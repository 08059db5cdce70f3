using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Fathom.Storage.KeyValue.Caching;

/// <summary>Pages of the tree in memory, up to a number of bytes: second chance, inner pages with more chances than leaves.</summary>
/// <remarks>
/// Any thread may call any member. A page never changes while its extent is in use, so a reader keeps what it got; an extent that is
/// given out again is removed first. Only pages that were checked come in.
/// </remarks>
/// <param name="bytesMax">Bytes of pages to hold; 0 holds none.</param>
internal sealed class PageCache(long bytesMax)
{
    /// <summary>What a page costs beside its bytes: array, entry and place in the table.</summary>
    private const int OverheadBytes = 120;

    /// <summary>Rounds of the clock that an inner page stays without use.</summary>
    private const int InnerChances = 3;

    private readonly ConcurrentDictionary<long, Entry> _entries = new();
    private readonly Queue<Entry> _clock = new();
    private readonly Lock _lock = new();
    private long _bytes;

    /// <summary>Bytes held, with their overhead.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>The page at an offset.</summary>
    public bool TryGet(long offsetBytes, [NotNullWhen(true)] out byte[]? page)
    {
        if (_entries.TryGetValue(offsetBytes, out var entry))
        {
            if (entry.Chances < entry.ChancesMax)
                entry.Chances = entry.ChancesMax;
            page = entry.Page;
            return true;
        }
        page = null;
        return false;
    }

    /// <summary>Takes in a page; the array is the cache's from now on.</summary>
    public void Add(long offsetBytes, byte[] page)
    {
        if (page.Length + OverheadBytes > bytesMax)
            return;
        var chances = page[8] == 0 ? 1 : InnerChances;
        var entry = new Entry(offsetBytes, page, chances);
        lock (_lock)
        {
            if (!_entries.TryAdd(offsetBytes, entry))
                return;
            _clock.Enqueue(entry);
            _bytes += page.Length + OverheadBytes;
            while (_bytes > bytesMax)
                Evict();
        }
    }

    /// <summary>Forgets the page at an offset: its extent holds something else from now on.</summary>
    public void Remove(long offsetBytes)
    {
        lock (_lock)
        {
            if (_entries.TryRemove(offsetBytes, out var entry))
                entry.IsGone = true;
        }
    }

    private void Evict()
    {
        var entry = _clock.Dequeue();
        if (!entry.IsGone && entry.Chances > 0)
        {
            entry.Chances--;
            _clock.Enqueue(entry);
            return;
        }
        if (!entry.IsGone)
            _entries.TryRemove(entry.OffsetBytes, out _);
        _bytes -= entry.Page.Length + OverheadBytes;
    }

    private sealed class Entry(long offsetBytes, byte[] page, int chancesMax)
    {
        public long OffsetBytes { get; } = offsetBytes;

        public byte[] Page { get; } = page;

        public int ChancesMax { get; } = chancesMax;

        public int Chances { get; set; } = chancesMax - 1;

        public bool IsGone { get; set; }
    }
}
