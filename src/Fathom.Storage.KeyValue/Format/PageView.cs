using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Fathom.Storage.KeyValue.Format;

/// <summary>A page as it stands in the file: entries sorted by key, each with the extent it leads to.</summary>
/// <remarks>Only <see cref="Fault"/> may be asked of bytes that have not passed it.</remarks>
/// <param name="bytes">Exactly one page.</param>
internal readonly ref struct PageView(ReadOnlySpan<byte> bytes)
{
    /// <summary>Bytes before the heads.</summary>
    public const int HeaderBytes = 16;

    /// <summary>Entries of a page with fixed keys.</summary>
    public const int FixedSlots = 31;

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>0 for a leaf.</summary>
    public int Level => _bytes[8];

    /// <summary>Entries.</summary>
    public int Count => BinaryPrimitives.ReadUInt16LittleEndian(_bytes[10..]);

    private KeyKind Kind => (KeyKind)_bytes[9];

    private int Slots => BinaryPrimitives.ReadUInt16LittleEndian(_bytes[12..]);

    private int PrefixBytes => BinaryPrimitives.ReadUInt16LittleEndian(_bytes[14..]);

    private ReadOnlySpan<ulong> Heads => MemoryMarshal.Cast<byte, ulong>(_bytes.Slice(HeaderBytes, 8 * Slots));

    private ReadOnlySpan<byte> Prefix => _bytes.Slice(HeaderBytes + 20 * Slots, PrefixBytes);

    /// <summary>Where entry <paramref name="index"/> leads.</summary>
    public ExtentPointer Pointer(int index) =>
        new(BinaryPrimitives.ReadUInt64LittleEndian(_bytes[(HeaderBytes + 8 * Slots + 8 * index)..]));

    /// <summary>Copies key <paramref name="index"/>; returns its bytes.</summary>
    public int CopyKey(int index, Span<byte> destination)
    {
        if (Kind == KeyKind.Fixed)
        {
            BinaryPrimitives.WriteUInt64BigEndian(destination, Little(Heads[index]));
            return 8;
        }
        var prefix = Prefix;
        prefix.CopyTo(destination);
        var suffixBytes = SuffixBytes(index);
        Span<byte> head = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(head, Little(Heads[index]));
        head[..Math.Min(8, suffixBytes)].CopyTo(destination[prefix.Length..]);
        Tail(index).CopyTo(destination[(prefix.Length + Math.Min(8, suffixBytes))..]);
        return prefix.Length + suffixBytes;
    }

    /// <summary>Entries whose key is below <paramref name="key"/>; <paramref name="found"/> tells whether the next one is the key itself.</summary>
    public int LowerBound(ReadOnlySpan<byte> key, out bool found)
    {
        found = false;
        var prefixBytes = Kind == KeyKind.Fixed ? 0 : PrefixBytes;
        if (prefixBytes > 0)
        {
            var order = key[..Math.Min(key.Length, prefixBytes)].SequenceCompareTo(Prefix);
            if (order != 0)
                return order < 0 ? 0 : Count;
        }
        var suffix = key[prefixBytes..];
        var head = KeyOrder.Head(suffix);
        var heads = Heads;
        int low = 0, high = Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            var other = Little(heads[middle]);
            var order = other.CompareTo(head);
            if (order == 0)
                order = CompareBeyondHead(middle, suffix);
            if (order == 0)
                found = true;
            if (order < 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    /// <summary>The child of an inner page that holds <paramref name="key"/>.</summary>
    public int ChildOf(ReadOnlySpan<byte> key)
    {
        var below = LowerBound(key, out var found);
        return found ? below : Math.Max(0, below - 1);
    }

    /// <summary>Fixed keys: key <paramref name="index"/> as the number it is.</summary>
    public ulong Number(int index) => Little(Heads[index]);

    /// <summary>Fixed keys: <see cref="LowerBound"/> of a number.</summary>
    public int LowerBoundOfNumber(ulong key, out bool found)
    {
        var heads = Heads;
        int low = 0, high = Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (Little(heads[middle]) < key)
                low = middle + 1;
            else
                high = middle;
        }
        found = low < Count && Little(heads[low]) == key;
        return low;
    }

    /// <summary>Fixed keys: <see cref="ChildOf"/> of a number.</summary>
    public int ChildOfNumber(ulong key)
    {
        var below = LowerBoundOfNumber(key, out var found);
        return found ? below : Math.Max(0, below - 1);
    }

    /// <summary>What keeps these bytes from being the page at <paramref name="pointer"/>; null for nothing.</summary>
    /// <param name="pointer">Where they were read.</param>
    /// <param name="level">Level that the tree has there.</param>
    /// <param name="kind">Kind of the store's keys.</param>
    /// <param name="fileEndBytes">End of the file that pointers must respect.</param>
    public StoreFormatFault? Fault(ExtentPointer pointer, int level, KeyKind kind, long fileEndBytes)
    {
        if (BinaryPrimitives.ReadUInt64LittleEndian(_bytes) != WordMix.Of((ulong)pointer.OffsetBytes, _bytes[8..]))
            return StoreFormatFault.PageChecksum;
        if (Level != level || _bytes[9] != (byte)kind)
            return StoreFormatFault.PageLevel;
        if (Count < 1 || Count > Slots)
            return StoreFormatFault.PageCount;
        if (kind == KeyKind.Fixed ? Slots != FixedSlots || PrefixBytes != 0 : !VariableLayoutHolds())
            return StoreFormatFault.PageCount;
        for (var i = 1; i < Count; i++)
        {
            if (Compare(i - 1, i) >= 0)
                return StoreFormatFault.PageOrder;
        }
        for (var i = 0; i < Count; i++)
        {
            var next = Pointer(i);
            if (next.IsNone || !(level == 0 ? next.IsRecord(fileEndBytes) : next.IsPage(fileEndBytes, _bytes.Length)))
                return StoreFormatFault.Pointer;
        }
        return null;
    }

    private bool VariableLayoutHolds()
    {
        if (HeaderBytes + 20 * Slots + PrefixBytes > _bytes.Length)
            return false;
        for (var i = 0; i < Count; i++)
        {
            var suffixBytes = SuffixBytes(i);
            var tailBytes = Math.Max(0, suffixBytes - 8);
            if (PrefixBytes + suffixBytes is < 1 or > KeyOrder.KeyBytesMax || TailOffset(i) + tailBytes > _bytes.Length)
                return false;
            // Room beyond a short suffix is zero: two spellings of one key would break the order.
            if (suffixBytes < 8 && (Little(Heads[i]) & (ulong.MaxValue >> (8 * suffixBytes))) != 0)
                return false;
        }
        return true;
    }

    private int Compare(int a, int b)
    {
        var order = Little(Heads[a]).CompareTo(Little(Heads[b]));
        if (order != 0 || Kind == KeyKind.Fixed)
            return order;
        order = Tail(a).SequenceCompareTo(Tail(b));
        return order != 0 ? order : SuffixBytes(a).CompareTo(SuffixBytes(b));
    }

    private int CompareBeyondHead(int index, ReadOnlySpan<byte> suffix)
    {
        if (Kind == KeyKind.Fixed)
            return 0;
        var order = Tail(index).SequenceCompareTo(suffix.Length > 8 ? suffix[8..] : default);
        return order != 0 ? order : SuffixBytes(index).CompareTo(suffix.Length);
    }

    private ReadOnlySpan<byte> Tail(int index) => _bytes.Slice(TailOffset(index), Math.Max(0, SuffixBytes(index) - 8));

    private int TailOffset(int index) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes[(HeaderBytes + 16 * Slots + 4 * index)..]);

    private int SuffixBytes(int index) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes[(HeaderBytes + 16 * Slots + 4 * index + 2)..]);

    private static ulong Little(ulong word) => BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word);
}
