using Fathom.Tiering.BlockLog.Format;

namespace Fathom.Tiering.BlockLog.Segments;

/// <summary>The segments of the log: which generation each holds, who holds on to it, and which goes first.</summary>
/// <remarks>Any thread may call any member; one lock guards all.</remarks>
internal sealed class SegmentTable
{
    private const long LeastWindow = 1024;

    private readonly Lock _lock = new();
    private readonly LogSegment[] _segments;
    private readonly uint _firstUnit;
    private readonly uint _segmentUnits;
    private long _uses;
    private long _window = LeastWindow; // uses after which an earlier one counts half: about one for each block

    public SegmentTable(LogHeader header)
    {
        _firstUnit = header.FirstSegmentUnit;
        _segmentUnits = header.SegmentUnits;
        _segments = new LogSegment[header.Segments];
        for (var i = 0; i < _segments.Length; i++)
            _segments[i] = new LogSegment(i, _firstUnit + ((uint)i * _segmentUnits));
    }

    public IReadOnlyList<LogSegment> All => _segments;

    public long EvictedBlocks { get; private set; }

    public (long Blocks, long Units) Used
    {
        get
        {
            lock (_lock)
            {
                var (blocks, units) = (0L, 0L);
                foreach (var segment in _segments)
                {
                    if (segment.State == SegmentState.Free)
                        continue;
                    blocks += segment.Blocks;
                    units += segment.UsedUnits;
                }
                return (blocks, units);
            }
        }
    }

    /// <summary>The segment that holds a unit; null when none does.</summary>
    public LogSegment? Of(uint unit)
    {
        var number = unit < _firstUnit ? uint.MaxValue : (unit - _firstUnit) / _segmentUnits;
        return number < _segments.Length ? _segments[number] : null;
    }

    /// <summary>Whether what the index says of a block still holds.</summary>
    public bool IsLive(uint unit, uint generation)
    {
        lock (_lock)
            return Of(unit) is { } segment && Holds(segment, generation);
    }

    public bool IsLive(in BlockEntry entry) => !entry.Has(BlockEntry.Hole) && IsLive(entry.Unit, entry.Generation);

    /// <summary>Keeps the segments of some blocks as they are and counts a use of each block.</summary>
    /// <param name="places">Blocks of a match, in order.</param>
    /// <param name="count">How many of them.</param>
    /// <param name="pinned">Receives the segments, each once.</param>
    /// <returns>How many of the blocks, from the first on, are still there; the segments of these are pinned.</returns>
    public int PinUsed(BlockPlace[] places, int count, List<LogSegment> pinned)
    {
        lock (_lock)
        {
            LogSegment? last = null;
            for (var i = 0; i < count; i++)
            {
                ref readonly var place = ref places[i];
                if (Of(place.Unit) is not { } segment || !Holds(segment, place.Generation))
                    return i;
                if (segment != last && !pinned.Contains(segment))
                {
                    segment.Pins++;
                    pinned.Add(segment);
                }
                last = segment;
                _uses++;
                segment.Heat = HeatNow(segment) + 1;
                segment.HeatAt = _uses;
                segment.Uses[place.Unit] = segment.Uses.GetValueOrDefault(place.Unit) + 1;
            }
            return count;
        }
    }

    /// <summary>Keeps a block's segment as it is; null when the block is gone, or in a frame that is not written yet.</summary>
    public LogSegment? Pin(in BlockPlace place)
    {
        lock (_lock)
        {
            if (Of(place.Unit) is not { } segment || !Holds(segment, place.Generation) || place.Unit >= segment.FirstUnit + segment.UsedUnits)
                return null;
            segment.Pins++;
            return segment;
        }
    }

    public void Unpin(LogSegment segment)
    {
        lock (_lock)
            segment.Pins--;
    }

    /// <summary>A block was stored in a segment.</summary>
    public void Stored(LogSegment segment, int blocks, uint usedUnits)
    {
        lock (_lock)
        {
            segment.UsedUnits = usedUnits;
            segment.Blocks += blocks;
            _uses += blocks;
            segment.Heat = HeatNow(segment) + blocks;
            segment.HeatAt = _uses;
        }
    }

    /// <summary>A segment that was there already counts as if it had been written now.</summary>
    public void Found(LogSegment segment)
    {
        lock (_lock)
        {
            _uses += segment.Blocks;
            segment.Heat = segment.Blocks;
            segment.HeatAt = _uses;
        }
    }

    /// <summary>The index no longer names a block.</summary>
    public void Forgot(uint unit, uint generation, bool isEvicted)
    {
        lock (_lock)
        {
            if (Of(unit) is not { } segment || !Holds(segment, generation))
                return;
            segment.Blocks--;
            if (isEvicted)
                EvictedBlocks++;
        }
    }

    /// <summary>A segment without blocks to write to; null when there is none.</summary>
    public LogSegment? FindFree()
    {
        lock (_lock)
            return Array.Find(_segments, segment => segment is { State: SegmentState.Free, Pins: 0 });
    }

    /// <summary>The sealed segment whose blocks were used least, those used long ago counting less; null when all are held.</summary>
    public LogSegment? FindVictim()
    {
        lock (_lock)
        {
            LogSegment? victim = null;
            var least = double.MaxValue;
            foreach (var segment in _segments)
            {
                if (segment.State != SegmentState.Sealed || segment.Pins > 0)
                    continue;
                var heat = HeatNow(segment) / Math.Max(1, segment.Blocks);
                if (heat < least || (heat == least && segment.Generation < victim!.Generation))
                    (victim, least) = (segment, heat);
            }
            return victim;
        }
    }

    /// <summary>Blocks of a segment that were matched since they were written, the most used first.</summary>
    public Dictionary<uint, int> UsesOf(LogSegment segment)
    {
        lock (_lock)
            return new Dictionary<uint, int>(segment.Uses);
    }

    /// <summary>Changes how a segment stands; false when it is to be emptied and somebody has pinned it meanwhile.</summary>
    public bool TrySet(LogSegment segment, SegmentState state, uint generation, uint usedUnits, int blocks)
    {
        lock (_lock)
        {
            if (state == SegmentState.Free)
            {
                if (segment.Pins > 0)
                    return false;
                EvictedBlocks += Math.Max(0, segment.Blocks);
                segment.Uses.Clear();
                segment.Heat = 0;
            }
            segment.State = state;
            segment.Generation = generation;
            segment.UsedUnits = usedUnits;
            segment.Blocks = blocks;
            _window = Math.Max(LeastWindow, _segments.Sum(static each => (long)each.Blocks));
            return true;
        }
    }

    /// <summary>A block lies elsewhere now; what it was used counts half there.</summary>
    public void Moved(uint from, uint to)
    {
        lock (_lock)
        {
            if (Of(from) is not { } old || Of(to) is not { } young)
                return;
            if (old.Uses.GetValueOrDefault(from) / 2 is > 0 and var uses)
                young.Uses[to] = uses;
        }
    }

    private static bool Holds(LogSegment segment, uint generation) =>
        segment.State != SegmentState.Free && segment.Generation == generation;

    private double HeatNow(LogSegment segment) => segment.Heat * Math.Pow(2, -(double)(_uses - segment.HeatAt) / _window);
}
