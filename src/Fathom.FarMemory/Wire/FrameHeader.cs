using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Fathom.FarMemory.Integrity;

namespace Fathom.FarMemory.Wire;

/// <summary>
/// The 96 bytes in front of every frame, little endian. docs/formats/far-memory-wire.md has the same table in words.
/// </summary>
/// <remarks>
/// Every field that an operation on a span needs stands here, so that a read is one header out and one header with its payload
/// back. The deadline is time left, not a point in time: the two clocks need not agree.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct FrameHeader
{
    /// <summary>Size on the wire.</summary>
    public const int Bytes = 96;

    /// <summary>"FFMW" read as a little-endian number.</summary>
    public const uint Mark = 0x574D4646;

    /// <summary>Version of this protocol.</summary>
    public const ushort CurrentVersion = 2;

    /// <summary>Longest payload: the largest span plus the words in front of it.</summary>
    public const int PayloadBytesMax = (16 << 20) + 4096;

    private const int ChecksumOffset = Bytes - sizeof(uint);

    /// <summary>Always <see cref="Mark"/>.</summary>
    [FieldOffset(0)] public uint MarkField;

    /// <summary>Protocol version of the sender.</summary>
    [FieldOffset(4)] public ushort Version;

    /// <summary>What is asked.</summary>
    [FieldOffset(6)] public MessageKind Kind;

    /// <summary>0 in a request; in an answer the outcome.</summary>
    [FieldOffset(7)] public WireStatus Status;

    /// <summary>Chosen by the requester, repeated in the answer; unique among the requests in flight on a connection.</summary>
    [FieldOffset(8)] public ulong RequestId;

    /// <summary>Names a compaction or rebuild across retries and nodes; 0 where there is none.</summary>
    [FieldOffset(16)] public ulong OperationId;

    /// <summary>Fencing epoch of the requester.</summary>
    [FieldOffset(24)] public ulong Epoch;

    /// <summary>In a request the incarnation of the node that is meant; in an answer the node's own.</summary>
    [FieldOffset(32)] public ulong Incarnation;

    /// <summary>Generation of the fragment.</summary>
    [FieldOffset(40)] public ulong Generation;

    /// <summary>Offset of the fragment in its region, bytes.</summary>
    [FieldOffset(48)] public ulong Offset;

    /// <summary>Meaning by kind.</summary>
    [FieldOffset(56)] public ulong Argument;

    /// <summary>Time the requester will still wait, µs.</summary>
    [FieldOffset(64)] public uint DeadlineUs;

    /// <summary>Region concerned.</summary>
    [FieldOffset(68)] public uint Region;

    /// <summary>Bytes of the fragment concerned.</summary>
    [FieldOffset(72)] public uint Length;

    /// <summary>Bytes that follow this header.</summary>
    [FieldOffset(76)] public uint PayloadLength;

    /// <summary>CRC32C of the payload; 0 when there is none.</summary>
    [FieldOffset(80)] public uint PayloadChecksum;

    /// <summary>Second meaning by kind.</summary>
    [FieldOffset(84)] public uint Argument2;

    /// <summary>Zero.</summary>
    [FieldOffset(88)] public uint Reserved;

    /// <summary>CRC32C of the 92 bytes before it.</summary>
    [FieldOffset(92)] public uint HeaderChecksum;

    /// <summary>Writes the header with its mark, version and checksum.</summary>
    /// <param name="destination">At least <see cref="Bytes"/> long.</param>
    public void Write(Span<byte> destination)
    {
        MarkField = Mark;
        if (Version == 0)
            Version = CurrentVersion;
        Reserved = 0;
        MemoryMarshal.Write(destination, in this);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[ChecksumOffset..], Crc32C.Compute(destination[..ChecksumOffset]));
    }

    /// <summary>Reads a header and checks everything that can be checked without the payload.</summary>
    /// <param name="source">At least <see cref="Bytes"/> long.</param>
    /// <param name="header">The header; meaningful for <see cref="FrameFault.None"/>, and its version for <see cref="FrameFault.Version"/>.</param>
    /// <remarks>
    /// The version is looked at before the checksum: mark and version keep their place in every version, the rest need not.
    /// </remarks>
    public static FrameFault Read(ReadOnlySpan<byte> source, out FrameHeader header)
    {
        header = MemoryMarshal.Read<FrameHeader>(source);
        if (header.MarkField != Mark)
            return FrameFault.NotOurs;
        if (header.Version != CurrentVersion)
            return FrameFault.Version;
        if (header.HeaderChecksum != Crc32C.Compute(source[..ChecksumOffset]))
            return FrameFault.HeaderChecksum;
        var fieldsHold = header.Reserved == 0
            && header.PayloadLength <= PayloadBytesMax
            && header.Region <= ushort.MaxValue
            && header.Length <= PayloadBytesMax
            && header.Offset <= long.MaxValue
            && (header.PayloadLength != 0 || header.PayloadChecksum == 0);
        return fieldsHold ? FrameFault.None : FrameFault.Field;
    }

    static FrameHeader()
    {
        if (!BitConverter.IsLittleEndian || Unsafe.SizeOf<FrameHeader>() != Bytes)
            throw new PlatformNotSupportedException("The wire format needs a little-endian machine.");
    }
}
