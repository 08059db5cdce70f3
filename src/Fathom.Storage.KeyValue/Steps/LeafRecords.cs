using System.Buffers.Binary;
using System.Numerics;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Steps;

/// <summary>
/// The entries of one leaf of fixed keys whose records a function reads: which, and which of them were asked for and seen. Lives in scratch.
/// </summary>
/// <remarks>Layout: u32 count, u32 asked for, u32 bits of those seen, u32 0, u64 keys[32], u64 pointers[32].</remarks>
internal readonly ref struct LeafRecords(Span<byte> bytes)
{
    /// <summary>Bytes of the layout.</summary>
    public const int SizeBytes = 16 + 2 * 8 * EntriesMax;

    /// <summary>Most entries.</summary>
    public const int EntriesMax = 32;

    private const int KeysOffset = 16;
    private const int PointersOffset = KeysOffset + 8 * EntriesMax;

    private readonly Span<byte> _bytes = bytes;

    /// <summary>Entries.</summary>
    public int Count
    {
        get => BinaryPrimitives.ReadInt32LittleEndian(_bytes);
        private set => BinaryPrimitives.WriteInt32LittleEndian(_bytes, value);
    }

    /// <summary>Whether every record was seen.</summary>
    public bool IsComplete => BitOperations.PopCount(Seen) == Count;

    private int Asked
    {
        get => BinaryPrimitives.ReadInt32LittleEndian(_bytes[4..]);
        set => BinaryPrimitives.WriteInt32LittleEndian(_bytes[4..], value);
    }

    private uint Seen
    {
        get => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[8..]);
        set => BinaryPrimitives.WriteUInt32LittleEndian(_bytes[8..], value);
    }

    /// <summary>Key of an entry.</summary>
    public ulong Key(int index) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes[(KeysOffset + 8 * index)..]);

    /// <summary>Record of an entry.</summary>
    public ExtentPointer Pointer(int index) => new(BinaryPrimitives.ReadUInt64LittleEndian(_bytes[(PointersOffset + 8 * index)..]));

    /// <summary>No entries.</summary>
    public void Clear() => _bytes[..KeysOffset].Clear();

    /// <summary>Adds an entry.</summary>
    public void Add(ulong key, ExtentPointer record)
    {
        var index = Count;
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes[(KeysOffset + 8 * index)..], key);
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes[(PointersOffset + 8 * index)..], record.Bits);
        Count = index + 1;
    }

    /// <summary>Asks for the next records, at most 16 reads: one for records in adjoining blocks. False when all were asked for.</summary>
    public bool TryAsk(ref StorageContext context, int alignmentBytes)
    {
        var index = Asked;
        if (index == Count)
            return false;
        for (var read = 0; read < StorageContext.NextReadsMax && index < Count; read++)
        {
            var (start, size) = PageSteps.BlocksOf(Pointer(index), alignmentBytes);
            for (index++; index < Count; index++)
            {
                var (nextStart, nextSize) = PageSteps.BlocksOf(Pointer(index), alignmentBytes);
                if (nextStart < start || nextStart > start + size || nextStart + nextSize - start > ChainRequest.ReadBytesMax)
                    break;
                size = (int)Math.Max(size, nextStart + nextSize - start);
            }
            context.Read(read, (ulong)start, (uint)size);
        }
        Asked = index;
        return true;
    }

    /// <summary>The next entry from <paramref name="index"/> on whose record the block holds and that was not seen; -1 for none.</summary>
    public int See(in StorageContext context, ReadOnlySpan<byte> data, int index, out ReadOnlySpan<byte> record)
    {
        for (; index < Count; index++)
        {
            if ((Seen & (1u << index)) == 0 && PageSteps.TryFind(context, data, Pointer(index), out record))
            {
                Seen |= 1u << index;
                return index;
            }
        }
        record = default;
        return -1;
    }
}
