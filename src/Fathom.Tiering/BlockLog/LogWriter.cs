using Fathom.FarMemory.Integrity;
using Fathom.Tiering.BlockLog.Format;
using Fathom.Tiering.BlockLog.Index;
using Fathom.Tiering.BlockLog.Segments;
using Fathom.Tiering.Tiers;
using Microsoft.Extensions.Logging;

namespace Fathom.Tiering.BlockLog;

/// <summary>All that changes the file: appending frames and putting their blocks into the index, ending segments, making room, repairs.</summary>
/// <remarks>
/// Any thread may call any member; one lock lets one in at a time, so that the index has one writer. A block counts once its frame is written:
/// the frame says where in the index each block stands, and a log that was left in the middle puts them there when it is opened.
/// </remarks>
internal sealed class LogWriter : IDisposable
{
    private readonly Lock _lock = new(); // guards head, update and generation
    private readonly LogFile _file;
    private readonly PrefixIndex _index;
    private readonly SegmentTable _segments;
    private readonly LeaseTable _leases;
    private readonly KnownBlocks _known;
    private readonly ILogger _logger;
    private readonly SegmentReader _reader;
    private readonly LogHead _head;
    private readonly IndexUpdate _update;
    private uint _generation;

    public LogWriter(LogFile file, PrefixIndex index, SegmentTable segments, LeaseTable leases, KnownBlocks known, ILogger logger)
    {
        _file = file;
        _index = index;
        _segments = segments;
        _leases = leases;
        _known = known;
        _logger = logger;
        _reader = new SegmentReader(file);
        _head = new LogHead(file, segments);
        _update = new IndexUpdate(index, segments, known);
    }

    /// <summary>Longest block that fits.</summary>
    public int BlockBytesMax => _head.BlockBytesMax;

    /// <summary>Reads how the segments stand and puts into the index what a process that ended suddenly had appended last.</summary>
    public void Recover()
    {
        lock (_lock)
        {
            foreach (var segment in _segments.All)
            {
                if (_reader.ReadHeader(segment) is { State: not SegmentState.Free } header)
                    _segments.TrySet(segment, header.State, header.Generation, header.UsedUnits, header.Blocks);
            }
            var written = _segments.All.Where(segment => segment.State != SegmentState.Free).OrderBy(segment => segment.Generation).ToList();
            foreach (var segment in written)
            {
                if (segment.State == SegmentState.Open)
                    Replay(segment, goesOn: segment == written[^1]);
                _segments.Found(segment);
                _generation = segment.Generation;
            }
        }
    }

    /// <summary>Appends blocks.</summary>
    public void Put(ReadOnlySpan<KvBlockPut> blocks, Span<KvBlockStatus> statuses, CancellationToken cancellation)
    {
        lock (_lock)
        {
            var firstStaged = 0;
            for (var i = 0; i < blocks.Length; i++)
            {
                if (cancellation.IsCancellationRequested)
                {
                    statuses[i] = KvBlockStatus.Cancelled;
                    continue;
                }
                ref readonly var block = ref blocks[i];
                if (block.Content.Length < 1 || block.Content.Length > BlockBytesMax)
                {
                    statuses[i] = KvBlockStatus.NoRoom;
                    continue;
                }
                if (!_head.FrameTakes((int)block.Content.Length) || !_head.SegmentTakes((int)block.Content.Length))
                {
                    Commit(statuses[firstStaged..i]);
                    firstStaged = i;
                }
                statuses[i] = Stage(block);
            }
            Commit(statuses[firstStaged..]);
        }
    }

    /// <summary>Takes a block out of the index, if it lies where <paramref name="place"/> says.</summary>
    /// <returns>Whether it was there.</returns>
    public bool Forget(KvBlockKey key, in BlockPlace place)
    {
        lock (_lock)
        {
            try
            {
                var wasThere = _update.Forget(key, place);
                _update.Write();
                _known.Remove(key);
                return wasThere;
            }
            finally
            {
                _update.Clear();
            }
        }
    }

    /// <summary>Notes that children of a block stand in a page of their own: they were stored before the block was known.</summary>
    public void Link(KvBlockKey parent, uint page)
    {
        lock (_lock)
        {
            try
            {
                _update.Link(page, parent);
                _update.Write();
                _known.Found(parent);
            }
            finally
            {
                _update.Clear();
            }
        }
    }

    /// <summary>Makes a damaged page of the index anew from what the segments say of their blocks.</summary>
    public void Repair(uint page)
    {
        lock (_lock)
        {
            if (!_index.IsDamaged(page))
                return;
            try
            {
                _update.Reset(page);
                var entries = new List<(FrameEntry Entry, uint Generation)>();
                foreach (var segment in _segments.All.Where(segment => segment.State != SegmentState.Free).OrderBy(segment => segment.Generation).ToList())
                    entries.AddRange(_reader.ReadEntries(segment).Where(entry => entry.Page == page || entry.ParentPage == page).Select(entry => (entry, segment.Generation)));
                var blocks = PutBack(page, entries);
                _update.Write();
                _logger.PageRepaired(_file.Chains.Path, page, blocks);
            }
            finally
            {
                _update.Clear();
            }
        }
    }

    /// <summary>Waits for the writer that is at work and makes everything durable.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _file.Flush();
            _update.Dispose();
            _head.Dispose();
        }
    }

    /// <summary>Puts blocks into a page that is empty. A parent that was stored again stands behind its children in the log: the rounds end when none brings more.</summary>
    private int PutBack(uint page, List<(FrameEntry Entry, uint Generation)> entries)
    {
        var blocks = 0;
        var left = entries.FindAll(each => each.Entry.Page == page);
        for (var before = -1; left.Count != before;)
        {
            before = left.Count;
            left.RemoveAll(each => _update.Apply(each.Entry, each.Generation));
            blocks += before - left.Count;
        }
        foreach (var (entry, generation) in left.Where(each => _update.Holds(page, each.Entry.Parent)))
            blocks += _update.Apply(entry with { Extends = 0, ParentPage = page }, generation) ? 1 : 0; // another child came first
        foreach (var (entry, _) in entries)
        {
            if (entry.ParentPage == page && entry.Extends == 0)
                _update.Link(page, entry.Parent);
        }
        return blocks;
    }

    private void Replay(LogSegment segment, bool goesOn)
    {
        var content = _reader.ReadFrames(segment, checksBlocks: true);
        _segments.TrySet(segment, SegmentState.Open, segment.Generation, content.UsedUnits, 0);
        var applied = 0;
        foreach (var entry in content.Entries)
        {
            applied += _update.Apply(entry, segment.Generation) ? 1 : 0;
            if (_update.Damaged is { } damaged)
            {
                _update.Write();
                Repair(damaged);
            }
        }
        _update.Write();
        _segments.TrySet(segment, SegmentState.Open, segment.Generation, content.UsedUnits, applied);
        _head.Continue(segment, content);
        if (!goesOn)
            _head.Seal();
    }

    /// <summary>Puts a block into the frame being filled and into the index pages in memory.</summary>
    private KvBlockStatus Stage(in KvBlockPut block)
    {
        var length = (int)block.Content.Length;
        try
        {
            if (!_head.SegmentTakes(length) && !Roll())
                return KvBlockStatus.NoRoom;
            var position = _update.Locate(block.Key, block.Parent, block.Depth);
            if (position.IsStored)
            {
                _known.Add(block.Key, _update.PlaceOf(block.Key, position.Page)); // its children may follow
                return KvBlockStatus.AlreadyThere;
            }
            if (position.Page == FrameEntry.NoPage)
                return KvBlockStatus.Failed; // the page is damaged; a look-up will have it repaired
            block.Content.AsSpan<byte>().CopyTo(_head.Room(length));
            var entry = _head.Stage(
                new FrameEntry
                {
                    Key = block.Key,
                    Parent = block.Parent,
                    Extends = position.Extends ? 1u : 0,
                    Page = position.Page,
                    ParentPage = position.ParentPage,
                },
                length);
            if (!ApplyStaged(entry))
                return KvBlockStatus.NoRoom;
            return KvBlockStatus.Done;
        }
        catch (IOException failure)
        {
            _logger.WriteFailed(_file.Chains.Path, failure);
            return KvBlockStatus.Failed;
        }
    }

    /// <summary>The block can be looked up, in the pages in memory, as if its frame were written: its children are placed by it.</summary>
    private bool ApplyStaged(in FrameEntry entry)
    {
        var isApplied = _update.Apply(entry, _head.Segment!.Generation);
        if (isApplied)
            _known.Add(entry.Key, entry.PlaceIn(_head.Segment.Generation));
        return isApplied;
    }

    /// <summary>Writes the frame, then the pages.</summary>
    private void Commit(Span<KvBlockStatus> statuses)
    {
        try
        {
            if (_head.Staged.Count > 0)
                _head.WriteFrame();
            _update.Write();
        }
        catch (IOException failure)
        {
            _logger.WriteFailed(_file.Chains.Path, failure);
            foreach (ref var status in statuses)
            {
                if (status == KvBlockStatus.Done)
                    status = KvBlockStatus.Failed;
            }
        }
        finally
        {
            _head.DropFrame();
            _update.Clear();
        }
    }

    /// <summary>Ends the segment and begins another; nothing is staged. False when nothing may make way.</summary>
    private bool Roll()
    {
        _update.Write();
        if (_head.Segment is not null)
            _head.Seal();
        _leases.DropExpired();
        var next = _segments.FindFree();
        if (next is null)
        {
            // Only after a restart, or when everything was held: what is in the victim goes, used or not.
            next = _segments.FindVictim();
            if (next is null || !_head.TryFree(next))
                return false;
        }
        _head.Open(next, ++_generation);
        if (_segments.FindFree() is null && _segments.FindVictim() is { } victim)
            Reclaim(victim);
        return true;
    }

    /// <summary>Empties the segment that is used least. What was used in it since it was written moves on, as much as half a segment takes.</summary>
    private void Reclaim(LogSegment victim)
    {
        var uses = _segments.UsesOf(victim);
        var moved = 0;
        if (uses.Count > 0)
        {
            var budget = (long)_file.Header.SegmentUnits / 2;
            var kept = new HashSet<uint>();
            var entries = _reader.ReadEntries(victim);
            foreach (var entry in entries.Where(entry => uses.ContainsKey(entry.Unit)).OrderByDescending(entry => uses[entry.Unit]))
            {
                budget -= LogFile.UnitsOf(entry.Length);
                if (budget < 0)
                    break;
                kept.Add(entry.Unit);
            }
            foreach (var entry in entries.Where(entry => kept.Contains(entry.Unit)))
                moved += Move(entry, victim) ? 1 : 0;
            Commit([]);
            _file.Flush();
        }
        if (_head.TryFree(victim))
            _logger.SegmentReclaimed(_file.Chains.Path, victim.Number, moved);
    }

    private bool Move(in FrameEntry entry, LogSegment victim)
    {
        var length = (int)entry.Length;
        if (!_head.FrameTakes(length) || !_head.SegmentTakes(length))
            Commit([]);
        var from = entry.PlaceIn(victim.Generation);
        if (!_head.SegmentTakes(length) || _update.Find(entry.Key, from) < 0)
            return false;
        var room = _head.Room(length);
        _file.Read((long)entry.Unit * LogFile.UnitBytes, room);
        if (Crc32C.Compute(room[..length]) != entry.Checksum)
            return false; // goes with its segment, and whoever wants it stores it again
        var there = _head.Stage(entry, length);
        if (!ApplyStaged(there))
            return false;
        _segments.Moved(entry.Unit, there.Unit);
        return true;
    }
}
