using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Fathom.Memory;
using Fathom.Storage;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.BlockLog.Format;

/// <summary>
/// A page of the index in memory: runs of entries, each a block and, one after the other, its descendants; the edges of a compressed
/// radix tree over chains of keys. docs/formats/block-log.md.
/// </summary>
/// <remarks>Whoever loads it disposes it; one thread at a time.</remarks>
internal sealed class IndexPage : IDisposable
{
    /// <summary>Size in the file.</summary>
    public const int Bytes = 16 << 10;

    /// <summary>Most entries.</summary>
    public const int EntriesMax = (Bytes - HeadBytes) / BlockEntry.Bytes;

    /// <summary>Longest run.</summary>
    public const int RunMax = 255;

    private const int HeadBytes = 32;
    private const int NumberOffset = 8;
    private const int CountOffset = 12;

    private readonly NativeBuffer _bytes = NativeBuffer.Allocate(Bytes, LogFile.UnitBytes);

    /// <summary>An empty page.</summary>
    public IndexPage(uint number)
    {
        Number = number;
        BinaryPrimitives.WriteUInt32LittleEndian(Span[NumberOffset..], number);
    }

    /// <summary>Its place in the index.</summary>
    public uint Number { get; }

    /// <summary>The bytes as they stand in the file once <see cref="Seal"/> was called.</summary>
    public Span<byte> Span => _bytes.AsSpan<byte>(0, Bytes);

    public int Count
    {
        get => BinaryPrimitives.ReadInt32LittleEndian(Span[CountOffset..]);
        private set => BinaryPrimitives.WriteInt32LittleEndian(Span[CountOffset..], value);
    }

    public bool IsFull => Count == EntriesMax;

    public Span<BlockEntry> Entries => MemoryMarshal.Cast<byte, BlockEntry>(Span[HeadBytes..])[..Count];

    /// <summary>Seed of a page's checksum: a page of another store, or one that stands elsewhere, does not pass.</summary>
    public static ulong Seed(ulong storeId, long offsetBytes) => storeId ^ (ulong)offsetBytes;

    /// <summary>Writes the checksum.</summary>
    public void Seal(ulong seed) => BinaryPrimitives.WriteUInt64LittleEndian(Span, WordMix.Of(seed, Span[8..]));

    /// <summary>Whether what was read into <see cref="Span"/> is this page, undamaged.</summary>
    public bool Holds(ulong seed) =>
        BinaryPrimitives.ReadUInt64LittleEndian(Span) == WordMix.Of(seed, Span[8..])
        && BinaryPrimitives.ReadUInt32LittleEndian(Span[NumberOffset..]) == Number
        && (uint)Count <= EntriesMax;

    /// <summary>Index of a key's entry, or -1.</summary>
    public int Find(KvBlockKey key)
    {
        var entries = Entries;
        for (var i = 0; i < entries.Length; i++)
        {
            if (entries[i].Key == key)
                return i;
        }
        return -1;
    }

    /// <summary>Index of the entry that begins a run with this key, or -1.</summary>
    public int FindStart(KvBlockKey key)
    {
        var entries = Entries;
        for (var i = 0; i < entries.Length; i++)
        {
            if (entries[i].Has(BlockEntry.Starts) && entries[i].Key == key)
                return i;
        }
        return -1;
    }

    /// <summary>Whether no entry of the same run follows.</summary>
    public bool IsRunEnd(int index) => index + 1 == Count || Entries[index + 1].Has(BlockEntry.Starts);

    /// <summary>Blocks of the run up to and with this one.</summary>
    public int RunLength(int index)
    {
        var start = index;
        while (start > 0 && !Entries[start].Has(BlockEntry.Starts))
            start--;
        return index - start + 1;
    }

    /// <summary>Puts an entry before the one at an index, or at the end.</summary>
    public void Insert(int index, in BlockEntry entry)
    {
        Invariant.Check(!IsFull && index <= Count);
        Count++;
        var entries = Entries;
        entries[index..^1].CopyTo(entries[(index + 1)..]);
        entries[index] = entry;
    }

    /// <summary>Takes entries out.</summary>
    public void RemoveRange(int index, int count)
    {
        var entries = Entries;
        entries[(index + count)..].CopyTo(entries[index..]);
        entries[^count..].Clear();
        Count -= count;
    }

    /// <inheritdoc/>
    public void Dispose() => _bytes.Dispose();
}
