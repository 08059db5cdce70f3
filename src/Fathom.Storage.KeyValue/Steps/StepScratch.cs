using System.Buffers.Binary;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Steps;

/// <summary>The first 128 bytes of every scratch of this store's functions: <c>struct kv_head</c> of docs/formats/bpf-kv.md.</summary>
internal readonly ref struct StepScratch(Span<byte> bytes)
{
    /// <summary>Bytes of the head.</summary>
    public const int HeadBytes = 128;

    /// <summary>Level that stands for a value record.</summary>
    public const uint RecordLevel = 0xFFFFFFFF;

    /// <summary>Most pages handed back.</summary>
    public const int HandBackMax = 6;

    private readonly Span<byte> _bytes = bytes;

    /// <summary>Out: how the chain ended.</summary>
    public StepStatus Status
    {
        get => (StepStatus)BinaryPrimitives.ReadUInt32LittleEndian(_bytes);
        set => BinaryPrimitives.WriteUInt32LittleEndian(_bytes, (uint)value);
    }

    /// <summary>Out: pages handed back.</summary>
    public int Pages
    {
        get => BinaryPrimitives.ReadInt32LittleEndian(_bytes[4..]);
        set => BinaryPrimitives.WriteInt32LittleEndian(_bytes[4..], value);
    }

    /// <summary>Out: what is damaged.</summary>
    public long FaultOffsetBytes
    {
        get => BinaryPrimitives.ReadInt64LittleEndian(_bytes[8..]);
        set => BinaryPrimitives.WriteInt64LittleEndian(_bytes[8..], value);
    }

    /// <summary>In and private: extent that the block being read was read for.</summary>
    public ExtentPointer Pointer
    {
        get => new(BinaryPrimitives.ReadUInt64LittleEndian(_bytes[16..]));
        set => BinaryPrimitives.WriteUInt64LittleEndian(_bytes[16..], value.Bits);
    }

    /// <summary>In and private: its level.</summary>
    public uint Level
    {
        get => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[24..]);
        set => BinaryPrimitives.WriteUInt32LittleEndian(_bytes[24..], value);
    }

    /// <summary>In: alignment of reads.</summary>
    public uint Alignment => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[28..]);

    /// <summary>In: end of the file.</summary>
    public long FileEndBytes => BinaryPrimitives.ReadInt64LittleEndian(_bytes[32..]);

    /// <summary>In: pages to hand back at most.</summary>
    public int HandBack => BinaryPrimitives.ReadInt32LittleEndian(_bytes[40..]);

    /// <summary>Fills the head for a chain that starts at <paramref name="pointer"/>.</summary>
    public void Prepare(ExtentPointer pointer, uint level, int alignmentBytes, long fileEndBytes, int handBack)
    {
        _bytes[..HeadBytes].Clear();
        Pointer = pointer;
        Level = level;
        BinaryPrimitives.WriteInt32LittleEndian(_bytes[28..], alignmentBytes);
        BinaryPrimitives.WriteInt64LittleEndian(_bytes[32..], fileEndBytes);
        BinaryPrimitives.WriteInt32LittleEndian(_bytes[40..], handBack);
    }

    /// <summary>Which page was handed back as number <paramref name="index"/>.</summary>
    public ExtentPointer PagePointer(int index) => new(BinaryPrimitives.ReadUInt64LittleEndian(_bytes[(48 + 8 * index)..]));

    /// <summary>Hands a page back.</summary>
    public void HandBackPage(ExtentPointer pointer, ReadOnlySpan<byte> page, int pagesOffset)
    {
        var index = Pages;
        if (index >= HandBack)
            return;
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes[(48 + 8 * index)..], pointer.Bits);
        page.CopyTo(_bytes[(pagesOffset + index * page.Length)..]);
        Pages = index + 1;
    }

    /// <summary>Ends the chain over something damaged.</summary>
    public int Fail(StepFault fault, long offsetBytes)
    {
        FaultOffsetBytes = offsetBytes;
        return (int)fault;
    }
}

/// <summary>What a function says when its chain is done.</summary>
internal enum StepStatus : uint
{
    /// <summary>Not done.</summary>
    Running = 0,

    /// <summary>Found, or complete.</summary>
    Found = 1,

    /// <summary>No such key.</summary>
    NotFound = 2,

    /// <summary>Found, but the value does not fit into scratch.</summary>
    Location = 3,

    /// <summary>To be started again from where it says.</summary>
    Suspended = 4,
}

/// <summary>What a function returns when what it read is damaged.</summary>
internal enum StepFault
{
    PageChecksum = -1,
    PageLevel = -2,
    PageCount = -3,
    PageOrder = -4,
    Pointer = -5,
    Record = -6,
    Request = -7,
    ShortValue = -8,
    LongValue = -9,
}
