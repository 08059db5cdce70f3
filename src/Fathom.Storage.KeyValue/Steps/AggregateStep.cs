using System.Buffers.Binary;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Steps;

/// <summary>COUNT, SUM, MIN and MAX over a range in one chain: leaf after leaf, each found again from the root.</summary>
/// <remarks>In scratch after the head: <c>kv_aggregate_u64</c> of docs/formats/bpf-kv.md. Fixed keys; a value counts by its first 8 bytes.</remarks>
internal static class AggregateStep
{
    /// <summary>Scratch that it needs.</summary>
    public const int ScratchBytes = 4096;

    private const int LowOffset = 128;
    private const int HighOffset = 136;
    private const int CountOffset = 144;
    private const int SumOffset = 152;
    private const int MinOffset = 168;
    private const int MaxOffset = 176;
    private const int NextKeyOffset = 184;
    private const int MoreOffset = 192;
    private const int HopsMaxOffset = 196;
    private const int RootOffset = 200;
    private const int RootLevelOffset = 208;
    private const int RecordsOffset = 256;

    private static readonly LeafWalk Walk = new(separatorOffset: 224, hasSeparatorOffset: 216);

    /// <summary>The function.</summary>
    public static StorageFunction Function { get; } = StorageFunction.FromDelegate(Step, "kv_aggregate_u64 in C#");

    /// <summary>Sets what to look for and where the tree begins; what was aggregated so far stays.</summary>
    public static void SetRange(Span<byte> scratch, ulong low, ulong high, ExtentPointer root, int rootLevel, int hopsMax)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(scratch[LowOffset..], low);
        BinaryPrimitives.WriteUInt64LittleEndian(scratch[HighOffset..], high);
        scratch[NextKeyOffset..RecordsOffset].Clear();
        BinaryPrimitives.WriteInt32LittleEndian(scratch[HopsMaxOffset..], hopsMax);
        BinaryPrimitives.WriteUInt64LittleEndian(scratch[RootOffset..], root.Bits);
        BinaryPrimitives.WriteInt32LittleEndian(scratch[RootLevelOffset..], rootLevel);
    }

    /// <summary>Starts from an aggregate.</summary>
    public static void SetAggregate(Span<byte> scratch, in RangeAggregate aggregate)
    {
        BinaryPrimitives.WriteInt64LittleEndian(scratch[CountOffset..], aggregate.Count);
        BinaryPrimitives.WriteInt128LittleEndian(scratch[SumOffset..], aggregate.Sum);
        BinaryPrimitives.WriteInt64LittleEndian(scratch[MinOffset..], aggregate.Min);
        BinaryPrimitives.WriteInt64LittleEndian(scratch[MaxOffset..], aggregate.Max);
    }

    /// <summary>What was aggregated.</summary>
    public static RangeAggregate AggregateOf(ReadOnlySpan<byte> scratch) => new(
        BinaryPrimitives.ReadInt64LittleEndian(scratch[CountOffset..]), BinaryPrimitives.ReadInt128LittleEndian(scratch[SumOffset..]),
        BinaryPrimitives.ReadInt64LittleEndian(scratch[MinOffset..]), BinaryPrimitives.ReadInt64LittleEndian(scratch[MaxOffset..]));

    /// <summary>Where to go on; false when the range is complete.</summary>
    public static bool TryNext(ReadOnlySpan<byte> scratch, out ulong key)
    {
        key = BinaryPrimitives.ReadUInt64LittleEndian(scratch[NextKeyOffset..]);
        return BinaryPrimitives.ReadUInt32LittleEndian(scratch[MoreOffset..]) != 0;
    }

    private static int Step(ref StorageContext context, ReadOnlySpan<byte> data, Span<byte> bytes)
    {
        if (bytes.Length < ScratchBytes)
            return (int)StepFault.Request;
        var scratch = new StepScratch(bytes);
        var records = new LeafRecords(bytes[RecordsOffset..]);
        if (scratch.Level == StepScratch.RecordLevel)
            return TakeRecords(ref context, scratch, bytes, records, data);
        var low = BinaryPrimitives.ReadUInt64LittleEndian(bytes[LowOffset..]);
        if (Walk.Step(ref context, scratch, bytes, data, low, out var page) is { } result)
            return result;
        var error = Gather(page, low, scratch, bytes, records);
        if (error != 0)
            return error;
        scratch.Level = StepScratch.RecordLevel;
        return records.TryAsk(ref context, (int)scratch.Alignment) ? 0 : LeaveLeaf(ref context, scratch, bytes);
    }

    private static int Gather(PageView page, ulong low, StepScratch scratch, Span<byte> bytes, LeafRecords records)
    {
        var high = BinaryPrimitives.ReadUInt64LittleEndian(bytes[HighOffset..]);
        if (low > high)
            return (int)StepFault.Request;
        records.Clear();
        var index = page.LowerBoundOfNumber(low, out _);
        for (; index < page.Count && page.Number(index) <= high; index++)
        {
            var record = page.Pointer(index);
            if (record.LengthBytes > ChainRequest.ReadBytesMax / 2)
                return scratch.Fail(StepFault.LongValue, record.OffsetBytes);
            records.Add(page.Number(index), record);
        }
        var more = Walk.TryNext(bytes, out var separator) && index == page.Count && separator <= high;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[NextKeyOffset..], separator);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[MoreOffset..], more ? 1u : 0);
        return 0;
    }

    private static int TakeRecords(ref StorageContext context, StepScratch scratch, Span<byte> bytes, LeafRecords records, ReadOnlySpan<byte> data)
    {
        Span<byte> key = stackalloc byte[8];
        var aggregate = AggregateOf(bytes);
        for (var index = records.See(context, data, 0, out var record); index >= 0; index = records.See(context, data, index + 1, out record))
        {
            BinaryPrimitives.WriteUInt64BigEndian(key, records.Key(index));
            if (!ValueRecord.TryRead(record, key, out var value))
                return scratch.Fail(StepFault.Record, records.Pointer(index).OffsetBytes);
            if (value.Length < 8)
                return scratch.Fail(StepFault.ShortValue, records.Pointer(index).OffsetBytes);
            aggregate = aggregate.With(BinaryPrimitives.ReadInt64LittleEndian(value));
        }
        SetAggregate(bytes, aggregate);
        if (context.ReadsPending > 0 || records.TryAsk(ref context, (int)scratch.Alignment))
            return 0;
        return records.IsComplete ? LeaveLeaf(ref context, scratch, bytes) : (int)StepFault.Request;
    }

    private static int LeaveLeaf(ref StorageContext context, StepScratch scratch, Span<byte> bytes)
    {
        if (!TryNext(bytes, out var next))
            return PageSteps.Finish(ref context, scratch, StepStatus.Found);
        if (context.Hop >= BinaryPrimitives.ReadUInt32LittleEndian(bytes[HopsMaxOffset..]))
            return PageSteps.Finish(ref context, scratch, StepStatus.Suspended);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[LowOffset..], next);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[MoreOffset..], 0);
        Walk.Forget(bytes);
        var root = new ExtentPointer(BinaryPrimitives.ReadUInt64LittleEndian(bytes[RootOffset..]));
        return PageSteps.Next(ref context, scratch, root, BinaryPrimitives.ReadUInt32LittleEndian(bytes[RootLevelOffset..]));
    }
}
