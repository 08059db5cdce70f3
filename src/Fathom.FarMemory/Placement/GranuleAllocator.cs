using System.Numerics;
using Fathom.Memory;

namespace Fathom.FarMemory.Placement;

/// <summary>Which granules of a region hold fragments: a bitmap, searched from where the last search ended.</summary>
internal sealed class GranuleAllocator
{
    private readonly ulong[] _used;
    private readonly int _count;
    private int _cursor;

    public GranuleAllocator(int count)
    {
        _count = count;
        _used = new ulong[(count + 63) / 64];
        Free = count;
        if (count % 64 != 0)
            _used[^1] = ulong.MaxValue << (count % 64);
    }

    /// <summary>Granules of the region.</summary>
    public int Count => _count;

    /// <summary>Granules that hold nothing.</summary>
    public int Free { get; private set; }

    /// <summary>Takes <paramref name="length"/> granules in a row.</summary>
    /// <returns>The first of them, or -1 when no such row is free.</returns>
    public int Take(int length)
    {
        if (length > Free)
            return -1;
        var start = Find(_cursor, _count, length);
        if (start < 0)
            start = Find(0, Math.Min(_count, _cursor + length), length);
        if (start < 0)
            return -1;
        Mark(start, length, used: true);
        Free -= length;
        _cursor = start + length == _count ? 0 : start + length;
        return start;
    }

    /// <summary>Gives granules back.</summary>
    public void Give(int start, int length)
    {
        Mark(start, length, used: false);
        Free += length;
    }

    private int Find(int from, int to, int length)
    {
        var at = from;
        while (at + length <= to)
        {
            var free = NextFree(at, to);
            if (free + length > to)
                return -1;
            var end = NextUsed(free, free + length);
            if (end == free + length)
                return free;
            at = end + 1;
        }
        return -1;
    }

    private int NextFree(int at, int to)
    {
        while (at < to)
        {
            var word = ~_used[at >> 6] >> (at & 63);
            if (word != 0)
                return at + BitOperations.TrailingZeroCount(word);
            at = (at | 63) + 1;
        }
        return to;
    }

    private int NextUsed(int at, int to)
    {
        while (at < to)
        {
            var word = _used[at >> 6] >> (at & 63);
            if (word != 0)
                return Math.Min(to, at + BitOperations.TrailingZeroCount(word));
            at = (at | 63) + 1;
        }
        return to;
    }

    private void Mark(int start, int length, bool used)
    {
        for (var at = start; at < start + length;)
        {
            var bits = Math.Min(64 - (at & 63), start + length - at);
            var mask = (bits == 64 ? ulong.MaxValue : (1UL << bits) - 1) << (at & 63);
            ref var word = ref _used[at >> 6];
            Invariant.Check((word & mask) == (used ? 0 : mask));
            word ^= mask;
            at += bits;
        }
    }
}
