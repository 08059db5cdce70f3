using System.Numerics;

namespace Fathom.Storage.KeyValue.Space;

/// <summary>Free extents of the value log, joined where they touch.</summary>
/// <remarks>The merge's alone.</remarks>
internal sealed class RecordSpace
{
    /// <summary>Records up to this size do not cross a multiple of it; multiples of it start at one.</summary>
    public const int SectorBytes = 512;

    /// <summary>A rest of a sector below this goes to the record before it instead of becoming an extent nothing fits in.</summary>
    private const int RestBytesMin = 64;

    /// <summary>Free extents of at least this size are taken first: what is written together then lies together.</summary>
    private const int LongBytes = 64 << 10;

    /// <summary>Extents of one size class that are looked at before a longer class is tried, so that an allocation's time is bounded.</summary>
    private const int CandidatesMax = 64;

    private readonly Dictionary<long, long> _lengthByStart = [];
    private readonly Dictionary<long, long> _startByEnd = [];
    private readonly HashSet<long>[] _bins = [.. Enumerable.Range(0, 45).Select(_ => new HashSet<long>())];
    private long _currentStart;
    private long _currentEnd;

    /// <summary>Bytes free.</summary>
    public long FreeBytes { get; private set; }

    /// <summary>Extents, rising.</summary>
    public IEnumerable<(long OffsetBytes, long LengthBytes)> Extents
    {
        get
        {
            Retire();
            return _lengthByStart.Select(pair => (pair.Key, pair.Value)).OrderBy(extent => extent.Key);
        }
    }

    /// <summary>Number of extents.</summary>
    public int Count => _lengthByStart.Count + 1;

    /// <summary>Gives an extent back.</summary>
    public void Free(long start, long length)
    {
        FreeBytes += length;
        if (_startByEnd.TryGetValue(start, out var before))
        {
            length += start - before;
            Drop(before);
            start = before;
        }
        if (_lengthByStart.TryGetValue(start + length, out var behind))
        {
            Drop(start + length);
            length += behind;
        }
        _lengthByStart[start] = length;
        _startByEnd[start + length] = start;
        _bins[BitOperations.Log2((ulong)length)].Add(start);
    }

    /// <summary>Takes room for a record; the capacity may be a little above what was asked for. False when the log must grow.</summary>
    /// <param name="bytes">Multiple of 8.</param>
    /// <param name="useShort">Whether short extents may be searched too.</param>
    /// <param name="start">Where.</param>
    /// <param name="capacity">How much.</param>
    public bool TryTake(int bytes, bool useShort, out long start, out int capacity)
    {
        if (TryTakeCurrent(bytes, out start, out capacity))
            return true;
        for (var bin = _bins.Length - 1; bin >= BitOperations.Log2((ulong)Math.Max(bytes, useShort ? bytes : LongBytes)); bin--)
        {
            var looked = 0;
            foreach (var candidate in _bins[bin])
            {
                if (++looked > CandidatesMax)
                    break;
                var end = candidate + _lengthByStart[candidate];
                if (!Fits(candidate, end, bytes))
                    continue;
                Retire();
                // Joining may have made the candidate part of a longer one.
                if (!_lengthByStart.TryGetValue(candidate, out var length))
                    return TryTake(bytes, useShort, out start, out capacity);
                Drop(candidate);
                (_currentStart, _currentEnd) = (candidate, candidate + length);
                return TryTakeCurrent(bytes, out start, out capacity);
            }
        }
        return false;
    }

    private static bool Fits(long start, long end, int bytes) => Placed(start, bytes) + bytes <= end;

    private static long Placed(long start, int bytes)
    {
        var into = start & (SectorBytes - 1);
        if (bytes % SectorBytes == 0)
            return (start + SectorBytes - 1) & -SectorBytes;
        return bytes <= SectorBytes && into + bytes > SectorBytes ? start - into + SectorBytes : start;
    }

    private bool TryTakeCurrent(int bytes, out long start, out int capacity)
    {
        start = Placed(_currentStart, bytes);
        capacity = bytes;
        if (start + bytes > _currentEnd)
            return false;
        if (start > _currentStart)
        {
            var skipped = (_currentStart, start - _currentStart);
            _currentStart = start;
            FreeBytes -= skipped.Item2;
            Free(skipped.Item1, skipped.Item2);
        }
        if (bytes <= SectorBytes)
        {
            var rest = (int)(-(start + bytes) & (SectorBytes - 1));
            if (rest < RestBytesMin && start + bytes + rest <= _currentEnd)
                capacity += rest;
        }
        _currentStart = start + capacity;
        FreeBytes -= capacity;
        return true;
    }

    /// <summary>Puts the rest of the extent that records are taken from back among the others.</summary>
    private void Retire()
    {
        if (_currentEnd > _currentStart)
        {
            var (start, length) = (_currentStart, _currentEnd - _currentStart);
            _currentStart = _currentEnd = 0;
            FreeBytes -= length;
            Free(start, length);
        }
        _currentStart = _currentEnd = 0;
    }

    private void Drop(long start)
    {
        var length = _lengthByStart[start];
        _lengthByStart.Remove(start);
        _startByEnd.Remove(start + length);
        _bins[BitOperations.Log2((ulong)length)].Remove(start);
    }
}
