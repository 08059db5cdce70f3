using System.Buffers.Binary;
using Fathom.Storage.KeyValue.Format;
using Fathom.Storage.KeyValue.Tables;
using Fathom.Storage.KeyValue.Trees;

namespace Fathom.Storage.KeyValue.Ranges;

/// <summary>
/// Aggregates over tables and tree: with fixed keys the tree's part is pushed down, in pieces between the keys that the tables have; where
/// the tables have many of them, and with variable keys, the pairs are scanned.
/// </summary>
internal sealed class RangeFold(StoreRoot root, RangeReader ranges, KeyKind kind)
{
    private const int PiecesMax = 128;

    /// <summary>Aggregates [low, high].</summary>
    public RangeAggregate Run(byte[] low, byte[]? high)
    {
        if (kind == KeyKind.Fixed && TryPushDown(KeyOrder.Head(low), high is null ? ulong.MaxValue : KeyOrder.Head(high), out var aggregate))
            return aggregate;
        var scanned = RangeAggregate.Empty;
        foreach (var pair in new RangeScan(root, ranges, low, high, int.MaxValue).Pairs())
            scanned = scanned.With(NumberOf(pair.Value));
        return scanned;
    }

    private bool TryPushDown(ulong low, ulong high, out RangeAggregate aggregate)
    {
        aggregate = RangeAggregate.Empty;
        if (low > high)
            return true;
        var state = root.Enter();
        try
        {
            var keys = new SortedDictionary<ulong, byte[]?>();
            if (!TryCollect(state.Frozen, low, high, keys) || !TryCollect(state.Active, low, high, keys))
                return false;
            var from = low;
            var isOpen = true;
            foreach (var (key, value) in keys)
            {
                if (key > from)
                    aggregate = ranges.Fold(state.Tree.Header, from, key - 1, aggregate);
                if (value is not null)
                    aggregate = aggregate.With(NumberOf(value));
                isOpen = key != ulong.MaxValue;
                from = isOpen ? key + 1 : key;
            }
            if (isOpen && from <= high)
                aggregate = ranges.Fold(state.Tree.Header, from, high, aggregate);
            return true;
        }
        catch (StoreFormatException damaged) when (damaged.Fault == StoreFormatFault.Record)
        {
            // A merge may be writing over the record; the scan asks the tables, and says so if the record is damaged.
            return false;
        }
        catch (StoreReadException refused) when (refused.Result.Code == (int)Steps.StepFault.LongValue || refused.Result.Code == (int)Steps.StepFault.ShortValue)
        {
            // The function takes no long records and names no key; the scan does both.
            return false;
        }
        finally
        {
            state.Tree.Exit();
        }
    }

    private static bool TryCollect(MemoryTable? table, ulong low, ulong high, SortedDictionary<ulong, byte[]?> keys)
    {
        Span<byte> from = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(from, low);
        for (var entry = table?.LowerBound(from); entry is not null && KeyOrder.Head(entry.Key) <= high; entry = entry.Following)
        {
            keys[KeyOrder.Head(entry.Key)] = entry.Value;
            if (keys.Count > PiecesMax)
                return false;
        }
        return true;
    }

    private long NumberOf(byte[] value) => value.Length >= 8
        ? BinaryPrimitives.ReadInt64LittleEndian(value)
        : throw new StoreRefusedException(root.Path, StoreRefusal.Aggregate, $"a value of {value.Length} bytes is no number");
}
