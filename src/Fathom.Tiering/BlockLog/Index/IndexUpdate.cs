using Fathom.Tiering.BlockLog.Format;
using Fathom.Tiering.BlockLog.Segments;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.BlockLog.Index;

/// <summary>Changes to pages of the index, made in memory and written together.</summary>
/// <remarks>The log's writer owns it. A page that is damaged is told through <see cref="Damaged"/> and taken as absent.</remarks>
internal sealed class IndexUpdate(PrefixIndex index, SegmentTable segments, KnownBlocks known) : IDisposable
{
    private readonly Dictionary<uint, IndexPage> _pages = [];
    private readonly HashSet<uint> _changed = [];

    /// <summary>A page that did not pass its checksum.</summary>
    public uint? Damaged { get; private set; }

    /// <summary>Where a block stands or is to stand.</summary>
    /// <param name="Page">The page; <see cref="FrameEntry.NoPage"/> when it is damaged.</param>
    /// <param name="ParentPage">Its parent's.</param>
    /// <param name="Extends">It stands right behind its parent.</param>
    /// <param name="IsStored">The block is there already.</param>
    internal readonly record struct Position(uint Page, uint ParentPage, bool Extends, bool IsStored);

    /// <summary>Where a block stands, or the best place for it.</summary>
    public Position Locate(KvBlockKey key, KvBlockKey parent, int depth)
    {
        var own = index.PageOf(key);
        if (depth > 0 && known.TryGet(parent, out var place) && Load(place.Page) is { } page && page.Find(parent) >= 0)
            return Beside(page, parent, key, own);
        if (depth > 0)
            known.Await(parent);
        return Load(own) is { } alone ? At(alone, alone.Find(key), FrameEntry.NoPage, extends: false) : new Position(FrameEntry.NoPage, 0, false, false);
    }

    /// <summary>Puts a block into its page: replaces what stood there for its key, or adds it.</summary>
    /// <returns>False when it has no place there any more; then it cannot be found, and its bytes in the log are dead.</returns>
    public bool Apply(in FrameEntry entry, uint generation)
    {
        if (Load(entry.Page) is not { } page)
            return false;
        var block = new BlockEntry
        {
            Key = entry.Key,
            Unit = entry.Unit,
            LengthAndFlags = entry.Length,
            Checksum = entry.Checksum,
            Generation = generation,
        };
        var at = page.Find(entry.Key);
        if (at >= 0)
        {
            ref var there = ref page.Entries[at];
            // Of a log that is read again: what stands there was written later, or is this block, or the hole that it left.
            if (there.Generation > generation || (there.Generation == generation && there.Unit >= entry.Unit))
                return !there.Has(BlockEntry.Hole);
            if (segments.IsLive(there))
                segments.Forgot(there.Unit, there.Generation, isEvicted: false);
            block.LengthAndFlags |= there.LengthAndFlags & (BlockEntry.Starts | BlockEntry.Forks);
            there = block;
        }
        else if (!Add(page, entry, block))
        {
            return false;
        }
        _changed.Add(page.Number);
        if (entry.Extends == 0 && entry.ParentPage != FrameEntry.NoPage)
            Link(entry.ParentPage, entry.Parent);
        if (known.IsAwaited(entry.Key))
        {
            Link(entry.Page, entry.Key);
            known.Found(entry.Key);
        }
        return true;
    }

    /// <summary>Notes on a block that it has a child elsewhere than right behind it.</summary>
    public void Link(uint parentPage, KvBlockKey parent)
    {
        if (Load(parentPage) is not { } page || page.Find(parent) is not (>= 0 and var at))
            return;
        ref var entry = ref page.Entries[at];
        if (entry.Has(BlockEntry.Forks))
            return;
        entry.LengthAndFlags |= BlockEntry.Forks;
        _changed.Add(parentPage);
    }

    /// <summary>Makes a hole of a block, if it lies where <paramref name="place"/> says.</summary>
    public bool Forget(KvBlockKey key, in BlockPlace place)
    {
        if (Find(key, place) is not (>= 0 and var at))
            return false;
        _pages[place.Page].Entries[at].LengthAndFlags |= BlockEntry.Hole;
        segments.Forgot(place.Unit, place.Generation, isEvicted: false);
        _changed.Add(place.Page);
        return true;
    }

    /// <summary>Where a block lies that was located in a page.</summary>
    public BlockPlace PlaceOf(KvBlockKey key, uint number)
    {
        var page = _pages[number];
        ref readonly var entry = ref page.Entries[page.Find(key)];
        return new BlockPlace(number, entry.Unit, (int)(entry.LengthAndFlags & BlockEntry.LengthMask), entry.Checksum, entry.Generation);
    }

    /// <summary>Whether a page has an entry for a key.</summary>
    public bool Holds(uint number, KvBlockKey key) => Load(number) is { } page && page.Find(key) >= 0;

    /// <summary>The entry of a block that lies where <paramref name="place"/> says, or -1.</summary>
    public int Find(KvBlockKey key, in BlockPlace place)
    {
        if (Load(place.Page) is not { } page || page.Find(key) is not (>= 0 and var at))
            return -1;
        ref readonly var entry = ref page.Entries[at];
        return !entry.Has(BlockEntry.Hole) && entry.Unit == place.Unit && entry.Generation == place.Generation ? at : -1;
    }

    /// <summary>Begins a page anew.</summary>
    public void Reset(uint number)
    {
        if (_pages.Remove(number, out var old))
            old.Dispose();
        _pages[number] = new IndexPage(number);
        _changed.Add(number);
    }

    /// <summary>Writes the pages that changed, and forgets all.</summary>
    public void Write()
    {
        foreach (var number in _changed)
            index.Store(_pages[number]);
        Clear();
    }

    /// <summary>Forgets all pages and what was changed in them.</summary>
    public void Clear()
    {
        foreach (var page in _pages.Values)
            page.Dispose();
        _pages.Clear();
        _changed.Clear();
        Damaged = null;
    }

    /// <inheritdoc/>
    public void Dispose() => Clear();

    private IndexPage? Load(uint number)
    {
        if (_pages.TryGetValue(number, out var page))
            return page;
        if (index.Load(number) is not { } loaded)
        {
            Damaged = number;
            return null;
        }
        return _pages[number] = loaded;
    }

    private Position Beside(IndexPage page, KvBlockKey parent, KvBlockKey key, uint own)
    {
        if (page.Find(key) is >= 0 and var at)
            return At(page, at, page.Number, extends: !page.Entries[at].Has(BlockEntry.Starts));
        var parentAt = page.Find(parent);
        if (page.Entries[parentAt].Has(BlockEntry.Forks) && Load(own) is { } other && other.FindStart(key) is >= 0 and var otherAt)
            return At(other, otherAt, page.Number, extends: false);
        if (page.RunLength(parentAt) < IndexPage.RunMax && MakeRoom(page, evicts: false) && page.Find(parent) is >= 0 and var here)
        {
            // Branches leave half a page to runs that have no other place.
            if (page.IsRunEnd(here) || page.Count < IndexPage.EntriesMax / 2)
                return new Position(page.Number, page.Number, page.IsRunEnd(here), false);
        }
        return Load(own) is null ? new Position(FrameEntry.NoPage, 0, false, false) : new Position(own, page.Number, false, false);
    }

    private Position At(IndexPage page, int at, uint parentPage, bool extends) =>
        new(page.Number, parentPage, extends, at >= 0 && segments.IsLive(page.Entries[at]));

    private bool Add(IndexPage page, in FrameEntry entry, BlockEntry block)
    {
        if (!MakeRoom(page, evicts: entry.Extends == 0))
            return false;
        if (entry.Extends == 0)
        {
            block.LengthAndFlags |= BlockEntry.Starts;
            page.Insert(page.Count, block);
            return true;
        }
        var parent = page.Find(entry.Parent);
        if (parent < 0 || !page.IsRunEnd(parent) || page.RunLength(parent) >= IndexPage.RunMax)
            return false;
        page.Insert(parent + 1, block);
        return true;
    }

    /// <summary>
    /// Sees to it that a page has room for an entry: entries of blocks that are gone make way where nothing stands behind them, then, if that
    /// is allowed, a run that nothing branches from, the one whose newest block is the oldest.
    /// </summary>
    private bool MakeRoom(IndexPage page, bool evicts)
    {
        if (!page.IsFull)
            return true;
        for (var end = page.Count; end > 0;)
            end = TrimRun(page, end);
        if (page.IsFull && evicts)
            EvictRun(page);
        return !page.IsFull;
    }

    /// <summary>Takes the blocks that are gone off the end of a run.</summary>
    /// <returns>Where the run before it ends.</returns>
    private int TrimRun(IndexPage page, int end)
    {
        var start = end - page.RunLength(end - 1);
        var first = end;
        while (first > start && !segments.IsLive(page.Entries[first - 1]))
            first--;
        if (first < end)
        {
            page.RemoveRange(first, end - first);
            _changed.Add(page.Number);
        }
        return start;
    }

    private void EvictRun(IndexPage page)
    {
        var (first, count, leastWorth) = (0, 0, (HasForks: true, Newest: uint.MaxValue));
        for (var start = 0; start < page.Count;)
        {
            var end = start;
            var worth = (HasForks: false, Newest: 0u); // what others go on from stays longer
            do
            {
                worth = (worth.HasForks || page.Entries[end].Has(BlockEntry.Forks), Math.Max(worth.Newest, page.Entries[end].Generation));
                end++;
            }
            while (end < page.Count && !page.Entries[end].Has(BlockEntry.Starts));
            if (count == 0 || worth.CompareTo(leastWorth) < 0)
                (first, count, leastWorth) = (start, end - start, worth);
            start = end;
        }
        foreach (ref readonly var entry in page.Entries.Slice(first, count))
        {
            if (segments.IsLive(entry))
                segments.Forgot(entry.Unit, entry.Generation, isEvicted: true);
        }
        page.RemoveRange(first, count);
        _changed.Add(page.Number);
    }
}
