using System.Buffers.Binary;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Steps;

/// <summary>The look-up: from any page of the tree down to the leaf, then the value record.</summary>
/// <remarks>In scratch after the head: <c>kv_get_u64</c> and <c>kv_get</c> of docs/formats/bpf-kv.md; for larger pages the same with pages of that size.</remarks>
internal sealed class GetStep
{
    private const int KeyLengthOffset = 128;
    private const int KeyOffset = 160;
    private const int PagesOffset = 1024;
    private const int FixedScratchBytes = 4096;
    private const int FixedKeyOffset = 128;
    private const int FixedValueOffset = 160;
    private const int VariableValueRoom = 39936;
    private const int PointerOffset = 136;
    private const int LengthOffset = 144;

    private readonly KeyKind _kind;
    private readonly int _pageBytes;

    public GetStep(KeyKind kind, int pageBytes)
    {
        _kind = kind;
        _pageBytes = pageBytes;
        ValueOffset = kind == KeyKind.Fixed ? FixedValueOffset : PagesOffset + StepScratch.HandBackMax * pageBytes;
        ValueRoom = kind == KeyKind.Fixed ? PagesOffset - FixedValueOffset : VariableValueRoom;
        ScratchBytes = kind == KeyKind.Fixed ? FixedScratchBytes : ValueOffset + VariableValueRoom;
        Function = StorageFunction.FromDelegate(Step, "kv_get in C#");
    }

    /// <summary>The function.</summary>
    public StorageFunction Function { get; }

    /// <summary>Scratch that it needs.</summary>
    public int ScratchBytes { get; }

    /// <summary>Where the value is in scratch.</summary>
    public int ValueOffset { get; }

    /// <summary>Most bytes of a value that it copies.</summary>
    public int ValueRoom { get; }

    /// <summary>Sets the key to look for.</summary>
    public void SetKey(Span<byte> scratch, ReadOnlySpan<byte> key)
    {
        if (_kind == KeyKind.Fixed)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(scratch[FixedKeyOffset..], KeyOrder.Head(key));
            return;
        }
        BinaryPrimitives.WriteInt32LittleEndian(scratch[KeyLengthOffset..], key.Length);
        key.CopyTo(scratch[KeyOffset..]);
        // The function reads the key in whole words.
        scratch.Slice(KeyOffset + key.Length, 8).Clear();
    }

    /// <summary>The record's extent, once it is known.</summary>
    public static ExtentPointer RecordOf(ReadOnlySpan<byte> scratch) => new(BinaryPrimitives.ReadUInt64LittleEndian(scratch[PointerOffset..]));

    /// <summary>The value, when the status is <see cref="StepStatus.Found"/>.</summary>
    public ReadOnlySpan<byte> ValueOf(ReadOnlySpan<byte> scratch) =>
        scratch.Slice(ValueOffset, BinaryPrimitives.ReadInt32LittleEndian(scratch[LengthOffset..]));

    /// <summary>A page that was handed back.</summary>
    public ReadOnlySpan<byte> PageOf(ReadOnlySpan<byte> scratch, int index) => scratch.Slice(PagesOffset + index * _pageBytes, _pageBytes);

    private int Step(ref StorageContext context, ReadOnlySpan<byte> data, Span<byte> bytes)
    {
        if (bytes.Length < ScratchBytes)
            return (int)StepFault.Request;
        var scratch = new StepScratch(bytes);
        Span<byte> number = stackalloc byte[8];
        scoped ReadOnlySpan<byte> key;
        if (_kind == KeyKind.Fixed)
        {
            BinaryPrimitives.WriteUInt64BigEndian(number, BinaryPrimitives.ReadUInt64LittleEndian(bytes[FixedKeyOffset..]));
            key = number;
        }
        else
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(bytes[KeyLengthOffset..]);
            if (length is < 1 or > KeyOrder.KeyBytesMax)
                return (int)StepFault.Request;
            key = bytes.Slice(KeyOffset, length);
        }
        var extent = scratch.Pointer;
        if (!PageSteps.TryFind(context, data, extent, out var found))
            return scratch.Fail(StepFault.Pointer, extent.OffsetBytes);
        return scratch.Level == StepScratch.RecordLevel
            ? TakeRecord(ref context, scratch, bytes, found, key)
            : Descend(ref context, scratch, bytes, found, key);
    }

    private int Descend(ref StorageContext context, StepScratch scratch, Span<byte> bytes, ReadOnlySpan<byte> found, scoped ReadOnlySpan<byte> key)
    {
        if (found.Length != _pageBytes)
            return scratch.Fail(StepFault.Pointer, scratch.Pointer.OffsetBytes);
        var error = PageSteps.Check(scratch, found, _kind);
        if (error != 0)
            return error;
        scratch.HandBackPage(scratch.Pointer, found, PagesOffset);
        var page = new PageView(found);
        if (scratch.Level > 0)
            return PageSteps.Next(ref context, scratch, page.Pointer(page.ChildOf(key)), scratch.Level - 1);
        var index = page.LowerBound(key, out var present);
        if (!present)
            return PageSteps.Finish(ref context, scratch, StepStatus.NotFound);
        var record = page.Pointer(index);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[PointerOffset..], record.Bits);
        return record.LengthBytes > ValueRecord.HeaderBytes + ValueRoom
            ? PageSteps.Finish(ref context, scratch, StepStatus.Location)
            : PageSteps.Next(ref context, scratch, record, StepScratch.RecordLevel);
    }

    private int TakeRecord(ref StorageContext context, StepScratch scratch, Span<byte> bytes, ReadOnlySpan<byte> found, scoped ReadOnlySpan<byte> key)
    {
        if (!ValueRecord.TryRead(found, key, out var value) || value.Length > ValueRoom)
            return scratch.Fail(StepFault.Record, scratch.Pointer.OffsetBytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[LengthOffset..], value.Length);
        value.CopyTo(bytes[ValueOffset..]);
        return PageSteps.Finish(ref context, scratch, StepStatus.Found);
    }
}
