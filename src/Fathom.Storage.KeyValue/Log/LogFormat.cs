using System.Buffers.Binary;
using System.Globalization;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Log;

/// <summary>What segments of the write-ahead log look like (docs/formats/bpf-kv.md).</summary>
internal static class LogFormat
{
    /// <summary>Bytes of a segment's header.</summary>
    public const int SegmentHeaderBytes = 64;

    /// <summary>Bytes of a frame before its payload.</summary>
    public const int FrameHeaderBytes = 32;

    /// <summary>Frame kind: operations.</summary>
    public const uint Operations = 1;

    /// <summary>Frame kind: the segment is complete.</summary>
    public const uint Seal = 2;

    private const ulong Magic = 0x4C574D4F48544146; // "FATHOMWL"
    private const uint Mark = 0x4C41574B;
    private const int Version = 1;
    private const int OperationHeaderBytes = 8;

    /// <summary>The file of a segment.</summary>
    public static string PathOf(string storePath, ulong segment) =>
        string.Create(CultureInfo.InvariantCulture, $"{storePath}.wal.{segment:x8}");

    /// <summary>Fills a segment's header.</summary>
    public static void WriteSegmentHeader(Span<byte> header, ulong storeId, ulong segment)
    {
        header[..SegmentHeaderBytes].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], Magic);
        BinaryPrimitives.WriteInt32LittleEndian(header[16..], Version);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], storeId);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], segment);
        BinaryPrimitives.WriteUInt64LittleEndian(header, WordMix.Of(0, header[8..SegmentHeaderBytes]));
    }

    /// <summary>Whether these are the first bytes of that segment of that store.</summary>
    public static bool IsSegmentHeader(ReadOnlySpan<byte> header, ulong storeId, ulong segment) =>
        header.Length >= SegmentHeaderBytes
        && BinaryPrimitives.ReadUInt64LittleEndian(header[8..]) == Magic
        && BinaryPrimitives.ReadInt32LittleEndian(header[16..]) == Version
        && BinaryPrimitives.ReadUInt64LittleEndian(header[24..]) == storeId
        && BinaryPrimitives.ReadUInt64LittleEndian(header[32..]) == segment
        && BinaryPrimitives.ReadUInt64LittleEndian(header) == WordMix.Of(0, header[8..SegmentHeaderBytes]);

    /// <summary>Bytes of an operation in a payload.</summary>
    public static int OperationBytes(int keyBytes, int valueBytes) => Padded(OperationHeaderBytes + keyBytes + valueBytes);

    /// <summary>Writes an operation; returns its bytes.</summary>
    public static int WriteOperation(Span<byte> destination, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool isPut)
    {
        var bytes = OperationBytes(key.Length, value.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(destination, (ushort)key.Length);
        destination[2] = isPut ? (byte)1 : (byte)0;
        destination[3] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(destination[4..], value.Length);
        key.CopyTo(destination[OperationHeaderBytes..]);
        value.CopyTo(destination[(OperationHeaderBytes + key.Length)..]);
        destination[(OperationHeaderBytes + key.Length + value.Length)..bytes].Clear();
        return bytes;
    }

    /// <summary>Takes an operation off the front of a payload; false when it is not one.</summary>
    public static bool TryReadOperation(ref ReadOnlySpan<byte> payload, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value, out bool isPut)
    {
        key = value = default;
        isPut = false;
        if (payload.Length < OperationHeaderBytes)
            return false;
        var keyBytes = BinaryPrimitives.ReadUInt16LittleEndian(payload);
        var valueBytes = BinaryPrimitives.ReadUInt32LittleEndian(payload[4..]);
        if (keyBytes is 0 or > KeyOrder.KeyBytesMax || payload[2] > 1 || valueBytes > ValueRecord.ValueBytesMax)
            return false;
        var bytes = OperationBytes(keyBytes, (int)valueBytes);
        if (bytes > payload.Length)
            return false;
        isPut = payload[2] == 1;
        key = payload.Slice(OperationHeaderBytes, keyBytes);
        value = payload.Slice(OperationHeaderBytes + keyBytes, (int)valueBytes);
        payload = payload[bytes..];
        return true;
    }

    /// <summary>Fills the header of a frame whose payload stands behind it.</summary>
    /// <param name="frame">The whole frame, a multiple of 8.</param>
    /// <param name="seed">Of <see cref="FrameSeed"/>.</param>
    /// <param name="kind"><see cref="Operations"/> or <see cref="Seal"/>.</param>
    /// <param name="operations">Operations in the payload.</param>
    /// <param name="flushedBytes">Position up to which the segment was flushed.</param>
    public static void CompleteFrame(Span<byte> frame, ulong seed, uint kind, int operations, long flushedBytes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(frame[8..], Mark);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[12..], kind);
        BinaryPrimitives.WriteInt32LittleEndian(frame[16..], frame.Length - FrameHeaderBytes);
        BinaryPrimitives.WriteInt32LittleEndian(frame[20..], operations);
        BinaryPrimitives.WriteInt64LittleEndian(frame[24..], flushedBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(frame, WordMix.Of(seed, frame[8..]));
    }

    /// <summary>The frame at a position of a segment; false when none passes there.</summary>
    public static bool TryReadFrame(ReadOnlySpan<byte> segment, int position, ulong storeId, ulong number, out LogFrame frame)
    {
        frame = default;
        if (segment.Length - position < FrameHeaderBytes)
            return false;
        var bytes = segment[position..];
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) != Mark)
            return false;
        var payload = BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]);
        if (payload > bytes.Length - FrameHeaderBytes || (payload & 7) != 0)
            return false;
        bytes = bytes[..(FrameHeaderBytes + (int)payload)];
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes) != WordMix.Of(FrameSeed(storeId, number, position), bytes[8..]))
            return false;
        frame = new LogFrame(
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[20..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]), bytes[FrameHeaderBytes..], position + bytes.Length);
        return true;
    }

    /// <summary>Ties a frame to its place: nothing left from a segment that was used before passes.</summary>
    public static ulong FrameSeed(ulong storeId, ulong segment, long position) => storeId ^ WordMix.Round(segment, (ulong)position);

    private static int Padded(int bytes) => (bytes + 7) & ~7;
}

/// <summary>A frame that passed.</summary>
/// <param name="kind">Its kind.</param>
/// <param name="operations">Operations it says it has.</param>
/// <param name="flushedBytes">Position up to which the segment was flushed when it was made.</param>
/// <param name="payload">Its operations.</param>
/// <param name="endPosition">Where the next one starts.</param>
internal readonly ref struct LogFrame(uint kind, uint operations, long flushedBytes, ReadOnlySpan<byte> payload, int endPosition)
{
    public uint Kind { get; } = kind;

    public uint Operations { get; } = operations;

    public long FlushedBytes { get; } = flushedBytes;

    public ReadOnlySpan<byte> Payload { get; } = payload;

    public int EndPosition { get; } = endPosition;
}
