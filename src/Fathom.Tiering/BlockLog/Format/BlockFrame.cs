using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Fathom.Storage;

namespace Fathom.Tiering.BlockLog.Format;

/// <summary>The head of a frame: what one write appended to the log. The blocks follow it, each from a unit's start.</summary>
/// <param name="Checksum">Of the head's other bytes.</param>
/// <param name="Units">The frame's size, this head included.</param>
/// <param name="Count">Blocks.</param>
internal readonly record struct BlockFrame(ulong Checksum, uint Units, int Count)
{
    /// <summary>Size of the head: one unit.</summary>
    public const int HeadBytes = LogFile.UnitBytes;

    /// <summary>Most blocks.</summary>
    public const int BlocksMax = (HeadBytes - EntriesOffset) / FrameEntry.Bytes;

    private const uint Mark = 0x4D52464B; // "KFRM"
    private const int EntriesOffset = 64;

    /// <summary>Writes the head of a frame whose entries stand in it already.</summary>
    /// <param name="head">The head.</param>
    /// <param name="seed">From <see cref="Seed"/>.</param>
    /// <param name="previous">Checksum of the frame before it in the segment, 0 for the first: what was left behind it by a crash does not follow.</param>
    /// <param name="units">The frame's size.</param>
    /// <param name="count">Entries.</param>
    /// <returns>The checksum.</returns>
    public static ulong Write(Span<byte> head, ulong seed, ulong previous, uint units, int count)
    {
        head[..EntriesOffset].Clear();
        head[(EntriesOffset + (count * FrameEntry.Bytes))..HeadBytes].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(head[8..], previous);
        BinaryPrimitives.WriteUInt32LittleEndian(head[16..], Mark);
        BinaryPrimitives.WriteUInt32LittleEndian(head[20..], units);
        BinaryPrimitives.WriteInt32LittleEndian(head[24..], count);
        var checksum = WordMix.Of(seed, head[8..HeadBytes]);
        BinaryPrimitives.WriteUInt64LittleEndian(head, checksum);
        return checksum;
    }

    /// <summary>Reads a head.</summary>
    /// <returns>Null when no frame of this segment's generation follows <paramref name="previous"/> here.</returns>
    public static BlockFrame? Read(ReadOnlySpan<byte> head, ulong seed, ulong previous)
    {
        var checksum = BinaryPrimitives.ReadUInt64LittleEndian(head);
        var units = BinaryPrimitives.ReadUInt32LittleEndian(head[20..]);
        var count = BinaryPrimitives.ReadInt32LittleEndian(head[24..]);
        var holds = BinaryPrimitives.ReadUInt32LittleEndian(head[16..]) == Mark
            && BinaryPrimitives.ReadUInt64LittleEndian(head[8..]) == previous
            && count is > 0 and <= BlocksMax
            && checksum == WordMix.Of(seed, head[8..HeadBytes]);
        return holds ? new BlockFrame(checksum, units, count) : null;
    }

    /// <summary>The entries of a head.</summary>
    public static Span<FrameEntry> Entries(Span<byte> head) => MemoryMarshal.Cast<byte, FrameEntry>(head[EntriesOffset..HeadBytes]);

    /// <summary>Seed of a frame's checksum: a frame of another store, place or generation does not pass.</summary>
    public static ulong Seed(ulong storeId, uint generation, uint unit) => WordMix.Round(storeId, ((ulong)generation << 32) | unit);
}
