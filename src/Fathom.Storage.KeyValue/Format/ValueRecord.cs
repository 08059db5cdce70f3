using System.Buffers.Binary;

namespace Fathom.Storage.KeyValue.Format;

/// <summary>A value in the log: checksum over key and value, length, value, zero padding to 8 bytes.</summary>
internal static class ValueRecord
{
    /// <summary>Bytes before the value.</summary>
    public const int HeaderBytes = 8;

    /// <summary>Most bytes of a value.</summary>
    public const int ValueBytesMax = 16 << 20;

    /// <summary>Bytes of the record of a value.</summary>
    public static int BytesOf(int valueBytes) => HeaderBytes + ((valueBytes + 7) & ~7);

    /// <summary>Whether a value may overwrite a record of this capacity: it fits and does not leave more than half of it unused.</summary>
    public static bool FitsInPlace(int valueBytes, int capacityBytes)
    {
        var bytes = BytesOf(valueBytes);
        return bytes <= capacityBytes && bytes * 2L >= capacityBytes;
    }

    /// <summary>Writes a record to the start of <paramref name="destination"/>; returns its bytes.</summary>
    public static int Write(Span<byte> destination, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var bytes = BytesOf(value.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Checksum(key, value));
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], value.Length);
        value.CopyTo(destination[HeaderBytes..]);
        destination[(HeaderBytes + value.Length)..bytes].Clear();
        return bytes;
    }

    /// <summary>The value of a record that was read under <paramref name="key"/>; false when it does not pass.</summary>
    public static bool TryRead(ReadOnlySpan<byte> record, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (record.Length < HeaderBytes)
            return false;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(record[4..]);
        if (length > ValueBytesMax || BytesOf((int)length) > record.Length)
            return false;
        var bytes = record.Slice(HeaderBytes, (int)length);
        if (BinaryPrimitives.ReadUInt32LittleEndian(record) != Checksum(key, bytes))
            return false;
        value = bytes;
        return true;
    }

    private static uint Checksum(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var mix = WordMix.Of(unchecked(KeyMix.Of(key) + (ulong)value.Length), value);
        return (uint)(mix ^ (mix >> 32));
    }
}
