using Fathom.Storage.KeyValue.Tables;
using Fathom.Storage.KeyValue.Trees;

namespace Fathom.Storage.KeyValue.Ranges;

/// <summary>The pairs of a range over tables and tree, part by part; each part is read from one state of the store.</summary>
internal sealed class RangeScan(StoreRoot root, RangeReader ranges, byte[] low, byte[]? high, int pairsMax)
{
    /// <summary>Reads of a part before damage is believed (see <see cref="KeyValueStore.TryGet"/>).</summary>
    private const int AttemptsMax = 3;

    /// <summary>Pairs of one part at most, so that a scan that is left early has read little in vain.</summary>
    private const int PartPairsMax = 256;

    private readonly List<(byte[] Key, byte[] Value)> _tree = [];
    private readonly List<KeyValuePair<byte[], byte[]>> _merged = [];

    /// <summary>The pairs, rising.</summary>
    public IEnumerable<KeyValuePair<byte[], byte[]>> Pairs()
    {
        var from = low;
        var left = pairsMax;
        while (left > 0)
        {
            var next = ReadPart(from, Math.Min(left, PartPairsMax));
            foreach (var pair in _merged)
                yield return pair;
            left -= _merged.Count;
            if (next is null)
                yield break;
            from = next;
        }
    }

    /// <summary>Fills the merged part; returns where to go on, or null.</summary>
    private byte[]? ReadPart(byte[] from, int want)
    {
        for (var attempt = 1; ; attempt++)
        {
            var state = root.Enter();
            try
            {
                var next = ranges.Read(state, from, high, want, _tree);
                return Merge(state, from, next, want);
            }
            catch (StoreFormatException damaged) when (damaged.Fault == StoreFormatFault.Record && attempt < AttemptsMax)
            {
                // As in a look-up: a merge may be writing over the record, and then the tables have the value.
            }
            finally
            {
                state.Tree.Exit();
            }
        }
    }

    private byte[]? Merge(StoreState state, byte[] from, byte[]? next, int want)
    {
        _merged.Clear();
        var newer = state.Active.LowerBound(from);
        var older = state.Frozen?.LowerBound(from);
        var index = 0;
        while (true)
        {
            var newerKey = Within(newer, next);
            var olderKey = Within(older, next);
            var treeKey = index < _tree.Count ? _tree[index].Key : null;
            var key = Least(Least(newerKey, olderKey), treeKey);
            if (key is null)
                return next;
            if (_merged.Count == want)
                return key;
            byte[]? value = null;
            if (IsSame(treeKey, key))
                value = _tree[index++].Value;
            if (IsSame(olderKey, key))
            {
                value = older!.Value;
                older = older.Following;
            }
            if (IsSame(newerKey, key))
            {
                value = newer!.Value;
                newer = newer.Following;
            }
            if (value is not null)
                _merged.Add(new KeyValuePair<byte[], byte[]>(key, value));
        }
    }

    /// <summary>The key of an entry if it is before the part's end.</summary>
    private byte[]? Within(MemoryTable.Node? entry, byte[]? next)
    {
        if (entry is null || (next is not null && entry.Key.AsSpan().SequenceCompareTo(next) >= 0))
            return null;
        return high is null || entry.Key.AsSpan().SequenceCompareTo(high) <= 0 ? entry.Key : null;
    }

    private static byte[]? Least(byte[]? a, byte[]? b) =>
        a is null ? b : b is null || a.AsSpan().SequenceCompareTo(b) <= 0 ? a : b;

    private static bool IsSame(byte[]? a, byte[] b) => a is not null && a.AsSpan().SequenceEqual(b);
}
