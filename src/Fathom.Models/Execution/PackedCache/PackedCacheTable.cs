using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Fathom.Kernels.Formats;
using Fathom.Memory;

namespace Fathom.Models.Execution.PackedCache;

/// <summary>One packed matrix in the file.</summary>
/// <param name="Type">Type the values came in.</param>
/// <param name="Rows">Outputs.</param>
/// <param name="Columns">Inputs.</param>
/// <param name="OffsetBytes">Where it begins in the file; a multiple of <see cref="PackedCacheTable.Alignment"/>.</param>
/// <param name="LengthBytes">Its size.</param>
/// <param name="Checksum">CRC-32C of its bytes.</param>
internal sealed record PackedEntry(TensorType Type, int Rows, int Columns, long OffsetBytes, long LengthBytes, uint Checksum);

/// <summary>The file's form: a head of 128 bytes, the matrices, and a table of them at the end. Little endian.</summary>
/// <remarks>
/// <code>
/// head    0  "FATHOMPW"   8  u32 form version   12  u32 entries   16  u64 table offset   24  u64 table length
///        32  u32 CRC-32C of the table          64  SHA-256 fingerprint of the source   96..123 zero   124  u32 CRC-32C of bytes 0-123
/// entry  u16 name length, UTF-8 name, u32 type, u32 rows, u32 columns, u64 offset, u64 length, u32 CRC-32C
/// </code>
/// The head is written last: a file whose writing was cut short has none.
/// </remarks>
internal static class PackedCacheTable
{
    public const int HeadBytes = 128;
    public const int Alignment = 4096;
    private const int FormVersion = 1;
    private const int EntryBytesMin = 2 + 3 * 4 + 2 * 8 + 4;

    private static ReadOnlySpan<byte> Magic => "FATHOMPW"u8;

    public static byte[] WriteHead(int entries, long tableOffset, ReadOnlySpan<byte> table, ReadOnlySpan<byte> fingerprint)
    {
        var head = new byte[HeadBytes];
        Magic.CopyTo(head);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(8), FormVersion);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(12), entries);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(16), tableOffset);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(24), table.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(32), Checksum(table));
        fingerprint.CopyTo(head.AsSpan(64));
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(HeadBytes - 4), Checksum(head.AsSpan(0, HeadBytes - 4)));
        return head;
    }

    public static void WriteEntry(Stream table, string name, PackedEntry entry)
    {
        using var writer = new BinaryWriter(table, Encoding.UTF8, leaveOpen: true);
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        writer.Write(checked((ushort)bytes.Length));
        writer.Write(bytes);
        writer.Write((int)entry.Type);
        writer.Write(entry.Rows);
        writer.Write(entry.Columns);
        writer.Write(entry.OffsetBytes);
        writer.Write(entry.LengthBytes);
        writer.Write(entry.Checksum);
    }

    /// <summary>Reads the table; null when the file is not whole, not of this form or not of this source.</summary>
    public static Dictionary<string, PackedEntry>? Read(NativeView file, ReadOnlySpan<byte> fingerprint)
    {
        if (file.Length < HeadBytes)
            return null;
        ReadOnlySpan<byte> head = file.Slice(0, HeadBytes).AsSpan<byte>();
        if (!head.StartsWith(Magic) || BinaryPrimitives.ReadInt32LittleEndian(head[8..]) != FormVersion
            || BinaryPrimitives.ReadUInt32LittleEndian(head[^4..]) != Checksum(head[..^4]) || !head.Slice(64, fingerprint.Length).SequenceEqual(fingerprint))
        {
            return null;
        }

        int entries = BinaryPrimitives.ReadInt32LittleEndian(head[12..]);
        long offset = BinaryPrimitives.ReadInt64LittleEndian(head[16..]);
        long length = BinaryPrimitives.ReadInt64LittleEndian(head[24..]);
        if (offset < HeadBytes || length < 0 || offset > file.Length || length > file.Length - offset || length > int.MaxValue
            || entries < 0 || entries > length / EntryBytesMin)
        {
            return null;
        }

        ReadOnlySpan<byte> table = file.Slice(offset, length).AsSpan<byte>();
        return Checksum(table) == BinaryPrimitives.ReadUInt32LittleEndian(head[32..]) ? ReadEntries(table, entries, offset) : null;
    }

    public static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte value in bytes)
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    private static Dictionary<string, PackedEntry>? ReadEntries(ReadOnlySpan<byte> table, int count, long dataEnd)
    {
        var entries = new Dictionary<string, PackedEntry>(count, StringComparer.Ordinal);
        for (int i = 0; i < count; i++)
        {
            if (table.Length < EntryBytesMin)
                return null;
            int nameBytes = BinaryPrimitives.ReadUInt16LittleEndian(table);
            if (table.Length < EntryBytesMin + nameBytes)
                return null;
            string name = Encoding.UTF8.GetString(table.Slice(2, nameBytes));
            table = table[(2 + nameBytes)..];
            var entry = new PackedEntry(
                (TensorType)BinaryPrimitives.ReadInt32LittleEndian(table), BinaryPrimitives.ReadInt32LittleEndian(table[4..]),
                BinaryPrimitives.ReadInt32LittleEndian(table[8..]), BinaryPrimitives.ReadInt64LittleEndian(table[12..]),
                BinaryPrimitives.ReadInt64LittleEndian(table[20..]), BinaryPrimitives.ReadUInt32LittleEndian(table[28..]));
            table = table[32..];
            if (entry.OffsetBytes < HeadBytes || entry.OffsetBytes % Alignment != 0 || entry.LengthBytes < 0
                || entry.OffsetBytes > dataEnd || entry.LengthBytes > dataEnd - entry.OffsetBytes || !entries.TryAdd(name, entry))
            {
                return null;
            }
        }

        return entries;
    }
}
