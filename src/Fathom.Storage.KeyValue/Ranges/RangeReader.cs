using System.Buffers.Binary;
using Fathom.Storage.KeyValue.Format;
using Fathom.Storage.KeyValue.Steps;
using Fathom.Storage.KeyValue.Trees;

namespace Fathom.Storage.KeyValue.Ranges;

/// <summary>Pairs of the tree in order, a leaf at a time; and aggregates, where keys are fixed, by a chain of reads.</summary>
/// <remarks>Any thread may call any member, on a tree that it has entered.</remarks>
internal sealed class RangeReader(TreeReader reader)
{
    /// <summary>Hops of one aggregate chain; it goes on in another.</summary>
    private const int AggregateHopsMax = 4096;

    private readonly ScratchPool _scratch = new(RangeStep.ScratchBytes);

    /// <summary>Pairs of the leaf of the state's tree that holds <paramref name="low"/>, at most <paramref name="pairsMax"/>, none above <paramref name="high"/>.</summary>
    /// <remarks>
    /// The value of a key that the state's tables have is theirs to tell: it may be empty here, because a merge may be writing over its record.
    /// </remarks>
    /// <param name="state">What the store holds, its tree entered.</param>
    /// <param name="low">Lower bound.</param>
    /// <param name="high">Upper bound, inclusive; null for none.</param>
    /// <param name="pairsMax">At least 1.</param>
    /// <param name="pairs">Cleared, then the pairs.</param>
    /// <returns>Where to go on; null when the range is complete.</returns>
    public byte[]? Read(StoreState state, byte[] low, byte[]? high, int pairsMax, List<(byte[] Key, byte[] Value)> pairs)
    {
        pairs.Clear();
        var header = state.Tree.Header;
        if (header.Levels == 0 || (high is not null && low.AsSpan().SequenceCompareTo(high) > 0))
            return null;
        var pointer = header.Root;
        byte[]? separator = null;
        for (var level = header.Levels - 1; level > 0; level--)
        {
            if (IsShortPairs(header) && !reader.Pages.TryGet(pointer.OffsetBytes, out _))
                return ReadByChain(state, pointer, level, low, high, pairsMax, separator, pairs);
            var page = new PageView(reader.Page(header, pointer, level));
            var child = page.ChildOf(low);
            if (child + 1 < page.Count)
                separator = KeyOf(page, child + 1);
            pointer = page.Pointer(child);
        }
        if (IsShortPairs(header) && !reader.Pages.TryGet(pointer.OffsetBytes, out _))
            return ReadByChain(state, pointer, 0, low, high, pairsMax, separator, pairs);
        return ReadLeaf(state, new PageView(reader.Page(header, pointer, 0)), low, high, pairsMax, separator, pairs);
    }

    /// <summary>Adds the values of a range to an aggregate, in as few chains as it takes; fixed keys.</summary>
    public RangeAggregate Fold(StoreHeader header, ulong low, ulong high, RangeAggregate aggregate)
    {
        if (header.Levels == 0 || low > high)
            return aggregate;
        var scratch = _scratch.Rent();
        try
        {
            for (var more = true; more;)
            {
                new StepScratch(scratch).Prepare(header.Root, (uint)header.Levels - 1, reader.File.AlignmentBytes, header.FileEndBytes, 0);
                AggregateStep.SetAggregate(scratch, aggregate);
                AggregateStep.SetRange(scratch, low, high, header.Root, header.Levels - 1, AggregateHopsMax);
                reader.RunChain(reader.Functions.Aggregate, scratch, AggregateStep.ScratchBytes, header.Root, AggregateHopsMax + 64);
                aggregate = AggregateStep.AggregateOf(scratch);
                more = AggregateStep.TryNext(scratch, out low);
            }
        }
        finally
        {
            _scratch.Return(scratch);
        }
        return aggregate;
    }

    /// <summary>Whether the values are short enough for the range function, by their average: it refuses others, and then the pages are read here.</summary>
    private bool IsShortPairs(StoreHeader header) =>
        reader.Kind == KeyKind.Fixed && header.RecordBytes <= header.Entries * (ValueRecord.HeaderBytes + RangeStep.ValueBytesMax + 8L);

    private byte[]? ReadByChain(
        StoreState state, ExtentPointer pointer, int level, byte[] low, byte[]? high, int pairsMax, byte[]? separator, List<(byte[] Key, byte[] Value)> pairs)
    {
        var header = state.Tree.Header;
        var scratch = _scratch.Rent();
        try
        {
            new StepScratch(scratch).Prepare(pointer, (uint)level, reader.File.AlignmentBytes, header.FileEndBytes, 0);
            RangeStep.SetRange(scratch, KeyOrder.Head(low), high is null ? ulong.MaxValue : KeyOrder.Head(high), Math.Min(pairsMax, RangeStep.PairsMax));
            if (!reader.TryRunChain(reader.Functions.Range, scratch, RangeStep.ScratchBytes, pointer, StepFault.LongValue))
                return ReadByPages(state, pointer, level, low, high, pairsMax, separator, pairs);
            var count = RangeStep.CountOf(scratch);
            for (var i = 0; i < count; i++)
                pairs.Add((KeyOf(RangeStep.KeyOf(scratch, i)), RangeStep.ValueOf(scratch, i).ToArray()));
            if (RangeStep.TryNext(scratch, out var next))
                return KeyOf(next);
            // The function knows the separators below where it began; above them the walk here does.
            return Beyond(separator, high);
        }
        catch (StoreFormatException damaged) when (damaged.Fault == StoreFormatFault.Record)
        {
            // The function cannot ask the tables; record by record it shows whether they have that key.
            return ReadByPages(state, pointer, level, low, high, pairsMax, separator, pairs);
        }
        finally
        {
            _scratch.Return(scratch);
        }
    }

    private byte[]? ReadByPages(
        StoreState state, ExtentPointer pointer, int level, byte[] low, byte[]? high, int pairsMax, byte[]? separator, List<(byte[] Key, byte[] Value)> pairs)
    {
        var header = state.Tree.Header;
        for (; level > 0; level--)
        {
            var page = new PageView(reader.Page(header, pointer, level));
            var child = page.ChildOf(low);
            if (child + 1 < page.Count)
                separator = KeyOf(page, child + 1);
            pointer = page.Pointer(child);
        }
        return ReadLeaf(state, new PageView(reader.Page(header, pointer, 0)), low, high, pairsMax, separator, pairs);
    }

    private byte[]? ReadLeaf(StoreState state, PageView leaf, byte[] low, byte[]? high, int pairsMax, byte[]? separator, List<(byte[] Key, byte[] Value)> pairs)
    {
        var index = leaf.LowerBound(low, out _);
        var entries = new List<(byte[] Key, ExtentPointer Record)>();
        for (; index < leaf.Count && entries.Count < pairsMax; index++)
        {
            var key = KeyOf(leaf, index);
            if (high is not null && key.AsSpan().SequenceCompareTo(high) > 0)
            {
                ReadRecords(state, entries, pairs);
                return null;
            }
            entries.Add((key, leaf.Pointer(index)));
        }
        ReadRecords(state, entries, pairs);
        return Beyond(index < leaf.Count ? KeyOf(leaf, index) : separator, high);
    }

    /// <summary>Reads records in key order; those in adjoining blocks by one read.</summary>
    private void ReadRecords(StoreState state, List<(byte[] Key, ExtentPointer Record)> entries, List<(byte[] Key, byte[] Value)> pairs)
    {
        var blocks = new List<(long OffsetBytes, int SizeBytes)>();
        var firsts = new List<int>();
        for (var i = 0; i < entries.Count; i++)
        {
            var (start, size) = PageSteps.BlocksOf(entries[i].Record, reader.File.AlignmentBytes);
            if (blocks.Count > 0 && start >= blocks[^1].OffsetBytes && start <= blocks[^1].OffsetBytes + blocks[^1].SizeBytes
                && start + size - blocks[^1].OffsetBytes <= ChainRequest.ReadBytesMax)
            {
                blocks[^1] = (blocks[^1].OffsetBytes, (int)Math.Max(blocks[^1].SizeBytes, start + size - blocks[^1].OffsetBytes));
                continue;
            }
            if (size > ChainRequest.ReadBytesMax)
            {
                // A value of megabytes is read by itself, in its turn.
                Take(state, entries, firsts, blocks, i, pairs);
                pairs.Add((entries[i].Key, HasNewer(state, entries[i].Key) ? [] : reader.Value(entries[i].Record, entries[i].Key)));
                continue;
            }
            firsts.Add(i);
            blocks.Add((start, size));
        }
        Take(state, entries, firsts, blocks, entries.Count, pairs);
    }

    private void Take(
        StoreState state, List<(byte[] Key, ExtentPointer Record)> entries, List<int> firsts, List<(long OffsetBytes, int SizeBytes)> blocks, int end, List<(byte[] Key, byte[] Value)> pairs)
    {
        if (blocks.Count == 0)
            return;
        reader.ReadBlocks(blocks.ToArray(), (index, bytes) =>
        {
            var last = index + 1 < firsts.Count ? firsts[index + 1] : end;
            for (var i = firsts[index]; i < last; i++)
            {
                var (key, record) = entries[i];
                var at = (int)(record.OffsetBytes - blocks[index].OffsetBytes);
                if (!ValueRecord.TryRead(bytes.Slice(at, record.LengthBytes), key, out var value) && !HasNewer(state, key))
                    throw reader.Damaged(StoreFormatFault.Record, record.OffsetBytes);
                pairs.Add((key, value.ToArray()));
            }
        });
        blocks.Clear();
        firsts.Clear();
    }

    private static bool HasNewer(StoreState state, byte[] key) =>
        state.Active.TryGet(key, out _) || (state.Frozen is { } frozen && frozen.TryGet(key, out _));

    private static byte[]? Beyond(byte[]? next, byte[]? high) =>
        next is not null && (high is null || next.AsSpan().SequenceCompareTo(high) <= 0) ? next : null;

    private static byte[] KeyOf(PageView page, int index)
    {
        Span<byte> key = stackalloc byte[KeyOrder.KeyBytesMax];
        return key[..page.CopyKey(index, key)].ToArray();
    }

    private static byte[] KeyOf(ulong number)
    {
        var key = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(key, number);
        return key;
    }
}
