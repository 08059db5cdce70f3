using System.Buffers.Binary;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Steps;

/// <summary>The range of one leaf: from any page down to the leaf of the lower bound, then its records, up to 32 pairs.</summary>
/// <remarks>In scratch after the head: <c>kv_range_u64</c> of docs/formats/bpf-kv.md. Fixed keys, values of at most 64 bytes.</remarks>
internal static class RangeStep
{
    /// <summary>Scratch that it needs.</summary>
    public const int ScratchBytes = 4096;

    /// <summary>Most pairs of a call.</summary>
    public const int PairsMax = 32;

    /// <summary>Most bytes of a value.</summary>
    public const int ValueBytesMax = 64;

    private const int LowOffset = 128;
    private const int HighOffset = 136;
    private const int PairMaxOffset = 144;
    private const int PairCountOffset = 148;
    private const int NextKeyOffset = 152;
    private const int MoreOffset = 160;
    private const int PairsOffset = 512;
    private const int PairBytes = 80;
    private const int RecordsOffset = PairsOffset + PairsMax * PairBytes;

    private static readonly LeafWalk Walk = new(separatorOffset: 168, hasSeparatorOffset: 176);

    /// <summary>The function.</summary>
    public static StorageFunction Function { get; } = StorageFunction.FromDelegate(Step, "kv_range_u64 in C#");

    /// <summary>Sets what to look for.</summary>
    public static void SetRange(Span<byte> scratch, ulong low, ulong high, int pairsMax)
    {
        scratch[LowOffset..PairsOffset].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(scratch[LowOffset..], low);
        BinaryPrimitives.WriteUInt64LittleEndian(scratch[HighOffset..], high);
        BinaryPrimitives.WriteInt32LittleEndian(scratch[PairMaxOffset..], pairsMax);
    }

    /// <summary>Pairs found.</summary>
    public static int CountOf(ReadOnlySpan<byte> scratch) => BinaryPrimitives.ReadInt32LittleEndian(scratch[PairCountOffset..]);

    /// <summary>Key of a pair.</summary>
    public static ulong KeyOf(ReadOnlySpan<byte> scratch, int index) => BinaryPrimitives.ReadUInt64LittleEndian(scratch[(PairsOffset + index * PairBytes)..]);

    /// <summary>Value of a pair.</summary>
    public static ReadOnlySpan<byte> ValueOf(ReadOnlySpan<byte> scratch, int index)
    {
        var pair = scratch.Slice(PairsOffset + index * PairBytes, PairBytes);
        return pair.Slice(16, BinaryPrimitives.ReadInt32LittleEndian(pair[8..]));
    }

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
        return records.TryAsk(ref context, (int)scratch.Alignment) ? 0 : PageSteps.Finish(ref context, scratch, StepStatus.Found);
    }

    private static int Gather(PageView page, ulong low, StepScratch scratch, Span<byte> bytes, LeafRecords records)
    {
        var high = BinaryPrimitives.ReadUInt64LittleEndian(bytes[HighOffset..]);
        var pairMax = BinaryPrimitives.ReadUInt32LittleEndian(bytes[PairMaxOffset..]);
        if (pairMax is 0 or > PairsMax || low > high)
            return (int)StepFault.Request;
        records.Clear();
        var index = page.LowerBoundOfNumber(low, out _);
        for (; index < page.Count && page.Number(index) <= high && records.Count < pairMax; index++)
        {
            var record = page.Pointer(index);
            if (record.LengthBytes > ChainRequest.ReadBytesMax / 2)
                return scratch.Fail(StepFault.LongValue, record.OffsetBytes);
            records.Add(page.Number(index), record);
        }
        BinaryPrimitives.WriteInt32LittleEndian(bytes[PairCountOffset..], records.Count);
        var hasNext = Walk.TryNext(bytes, out var next);
        if (index < page.Count)
            (hasNext, next) = (true, page.Number(index));
        var more = hasNext && next <= high;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[NextKeyOffset..], next);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[MoreOffset..], more ? 1u : 0);
        return 0;
    }

    private static int TakeRecords(ref StorageContext context, StepScratch scratch, Span<byte> bytes, LeafRecords records, ReadOnlySpan<byte> data)
    {
        Span<byte> key = stackalloc byte[8];
        for (var index = records.See(context, data, 0, out var record); index >= 0; index = records.See(context, data, index + 1, out record))
        {
            BinaryPrimitives.WriteUInt64BigEndian(key, records.Key(index));
            if (!ValueRecord.TryRead(record, key, out var value))
                return scratch.Fail(StepFault.Record, records.Pointer(index).OffsetBytes);
            if (value.Length > ValueBytesMax)
                return scratch.Fail(StepFault.LongValue, records.Pointer(index).OffsetBytes);
            var pair = bytes.Slice(PairsOffset + index * PairBytes, PairBytes);
            pair.Clear();
            BinaryPrimitives.WriteUInt64LittleEndian(pair, records.Key(index));
            BinaryPrimitives.WriteInt32LittleEndian(pair[8..], value.Length);
            value.CopyTo(pair[16..]);
        }
        if (context.ReadsPending > 0 || records.TryAsk(ref context, (int)scratch.Alignment))
            return 0;
        return records.IsComplete ? PageSteps.Finish(ref context, scratch, StepStatus.Found) : (int)StepFault.Request;
    }
}
