using System.Buffers.Binary;

namespace Fathom.Storage.KeyValue.Format;

/// <summary>How keys compare: as bytes, shorter first; by their heads (8 bytes as a big-endian number) where that decides.</summary>
internal static class KeyOrder
{
    /// <summary>Most bytes of a key.</summary>
    public const int KeyBytesMax = 512;

    /// <summary>The first 8 bytes as a big-endian number, zero-padded.</summary>
    public static ulong Head(ReadOnlySpan<byte> key)
    {
        if (key.Length >= 8)
            return BinaryPrimitives.ReadUInt64BigEndian(key);
        ulong head = 0;
        for (var i = 0; i < key.Length; i++)
            head |= (ulong)key[i] << (56 - 8 * i);
        return head;
    }

    /// <summary>Bytes that both start with.</summary>
    public static int CommonPrefix(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) => a.CommonPrefixLength(b);

    /// <summary>The shortest key k with a &lt; k &lt;= b: what an inner page needs to tell two neighbours apart.</summary>
    public static ReadOnlySpan<byte> Separator(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) =>
        b[..Math.Min(b.Length, CommonPrefix(a, b) + 1)];
}
