using System.Diagnostics;
using Fathom.Memory;

namespace Fathom.FarMemory.Heap;

/// <summary>Who asks for pages, and so how deep it may reach into what is free.</summary>
internal enum PageUse
{
    /// <summary>New objects and swap-ins: leaves the reserve alone.</summary>
    Application,

    /// <summary>Moves that end with more memory free, and copies of objects that an eviction holds.</summary>
    Reclaim,
}

/// <summary>The local memory of a heap: a fixed number of pages, handed out as spans.</summary>
/// <remarks>
/// Any thread may call any member; one monitor guards runs and the stock of unused spans. Allocation never waits by itself:
/// <see cref="WaitForRoom"/> does, up to a deadline, and <see cref="LowWater"/> wakes the threads that make room.
/// </remarks>
internal sealed unsafe class PageHeap : IDisposable
{
    private readonly object _lock = new(); // a monitor: waiters for room sleep on it
    private readonly NativeBuffer _arena;
    private readonly PageRuns _runs;
    private readonly Stack<LocalSpan> _unused = new();
    private readonly PageMap _map = new();
    private readonly int _reservePages;
    private readonly int _lowPages;
    private volatile LocalSpan[] _spans = [];
    private volatile int _spanCount;
    private int _waitingPages;
    private int _waiting;
    private long _releases;

    public PageHeap(long localMemoryBytes)
    {
        var pages = checked((int)(localMemoryBytes >> SizeClasses.PageShift));
        _arena = NativeBuffer.Allocate((long)pages << SizeClasses.PageShift, alignment: SizeClasses.PageBytes);
        _runs = new PageRuns(pages);
        _reservePages = Math.Max(8, pages / 32);
        _lowPages = _reservePages + Math.Max(8, pages / 16);
        HighPages = _lowPages + Math.Max(8, pages / 16);
    }

    public int Pages => _runs.Pages;

    public ulong FirstPage => (ulong)_arena.Pointer >> SizeClasses.PageShift;

    /// <summary>Eviction that has begun goes on until this many pages are free.</summary>
    public int HighPages { get; }

    /// <summary>Set whenever fewer pages are free than should be, or somebody waits.</summary>
    public AutoResetEvent LowWater { get; } = new(false);

    public int FreePages
    {
        get
        {
            lock (_lock)
                return _runs.FreePages;
        }
    }

    /// <summary>Longest run that somebody waits for; 0 when nobody does.</summary>
    public int WaitingPages => Volatile.Read(ref _waitingPages);

    /// <summary>Whether the threads that make room should be at work.</summary>
    public bool NeedsRoom(bool working)
    {
        lock (_lock)
            return _waiting > 0 || _runs.FreePages < (working ? HighPages : _lowPages);
    }

    /// <summary>All spans ever made, by number; those beyond <see cref="SpanCount"/> are null.</summary>
    public LocalSpan[] Spans => _spans;

    public int SpanCount => _spanCount;

    /// <summary>The span that holds an address inside one.</summary>
    public LocalSpan SpanAt(ulong address) => _spans[_map.Lookup(address)];

    /// <summary>A span in state Filling with an empty reverse table; null when there is no room for it now.</summary>
    public LocalSpan? TryAllocate(int sizeClass, in SizeClass shape, PageUse use)
    {
        LocalSpan? span = null;
        bool low;
        lock (_lock)
        {
            var page = use == PageUse.Application && _runs.FreePages - shape.Pages < _reservePages ? -1 : _runs.Take(shape.Pages);
            low = page < 0 || _runs.FreePages < _lowPages;
            if (page >= 0)
            {
                span = _unused.TryPop(out var unused) ? unused : MakeSpan();
                span.Reset(_arena.Pointer + ((long)page << SizeClasses.PageShift), sizeClass, shape);
                _map.Register(span.Start, span.Pages, span.Index);
            }
        }
        if (low)
            LowWater.Set();
        if (span is not null)
            new Span<ulong>(span.Reverse, span.Capacity).Clear();
        return span;
    }

    /// <summary>Gives a span's pages back. Nobody else reaches it any more: the caller made it <see cref="SpanState.Free"/>.</summary>
    public void Release(LocalSpan span)
    {
        Invariant.Check(span.State == SpanState.Free);
        lock (_lock)
        {
            _runs.GiveBack((int)(span.FirstPage - FirstPage), span.Pages);
            _unused.Push(span);
            _releases++;
            if (_waiting > 0)
                Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Waits until pages came back since <paramref name="seen"/>, or the time is over.</summary>
    /// <param name="pages">What the caller needs; the threads that make room aim for it.</param>
    /// <param name="seen">Counter of <see cref="Releases"/> from before the attempt that failed.</param>
    /// <param name="deadline">Stopwatch timestamp.</param>
    /// <returns>False when the deadline has passed.</returns>
    public bool WaitForRoom(int pages, long seen, long deadline)
    {
        lock (_lock)
        {
            _waiting++;
            _waitingPages = Math.Max(_waitingPages, pages);
            try
            {
                while (_releases == seen)
                {
                    LowWater.Set();
                    var leftMs = (deadline - Stopwatch.GetTimestamp()) * 1000.0 / Stopwatch.Frequency;
                    if (leftMs <= 0)
                        return false;
                    // Wakes now and then: what blocked the threads that make room may have ended without a release.
                    Monitor.Wait(_lock, (int)Math.Clamp(leftMs, 1, 50));
                }
                return true;
            }
            finally
            {
                if (--_waiting == 0)
                    _waitingPages = 0;
            }
        }
    }

    /// <summary>Counts releases; what <see cref="WaitForRoom"/> compares.</summary>
    public long Releases => Interlocked.Read(ref _releases);

    /// <summary>
    /// Where room for a run of <paramref name="pages"/> is cheapest to make when enough is free but scattered: the spans of the
    /// window with the most free pages.
    /// </summary>
    public void SpansInBestWindow(int pages, List<LocalSpan> found)
    {
        found.Clear();
        lock (_lock)
        {
            if (pages > _runs.Pages)
                return;
            var free = new bool[_runs.Pages];
            for (var page = 0; page < free.Length;)
            {
                var length = Math.Max(1, _runs.LengthAt(page));
                if (_runs.LengthAt(page) > 0)
                    Array.Fill(free, true, page, length);
                page += length;
            }
            int best = 0, bestFree = -1, count = 0;
            for (var page = 0; page < free.Length; page++)
            {
                count += free[page] ? 1 : 0;
                if (page >= pages)
                    count -= free[page - pages] ? 1 : 0;
                if (page >= pages - 1 && count > bestFree)
                {
                    bestFree = count;
                    best = page - pages + 1;
                }
            }
            for (var page = best; page < best + pages; page++)
            {
                if (free[page])
                    continue;
                var span = SpanAt((FirstPage + (ulong)page) << SizeClasses.PageShift);
                if (found.Count == 0 || found[^1] != span)
                    found.Add(span);
            }
        }
    }

    public void Dispose()
    {
        _map.Dispose();
        _arena.Dispose();
        LowWater.Dispose();
    }

    private LocalSpan MakeSpan()
    {
        var span = new LocalSpan(_spanCount);
        if (_spanCount == _spans.Length)
        {
            // Readers keep the old array: its entries are the same objects.
            var grown = new LocalSpan[Math.Max(64, _spans.Length * 2)];
            _spans.CopyTo(grown, 0);
            _spans = grown;
        }
        _spans[_spanCount] = span;
        _spanCount++;
        return span;
    }
}
