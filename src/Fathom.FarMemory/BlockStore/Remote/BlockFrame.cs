using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.BlockStore.Remote;

/// <summary>What a frame of kind <see cref="MessageKind.Blocks"/> asks, in its second argument. The numbers are the wire format.</summary>
internal enum BlockQuestion : uint
{
    /// <summary>Names the namespace of the connection; the first question on it.</summary>
    Open = 1,

    /// <summary>How many of the keys in the payload are there; leases them.</summary>
    Match = 2,

    /// <summary>The bytes of a block.</summary>
    Get = 3,

    /// <summary>Stores the payload as a block.</summary>
    Put = 4,

    /// <summary>Pins a block until it is unpinned or the connection ends.</summary>
    Pin = 5,

    /// <summary>Takes off one of the pins of this connection.</summary>
    Unpin = 6,

    /// <summary>Removes a block.</summary>
    Remove = 7,

    /// <summary>What the store holds.</summary>
    Usage = 8,
}

/// <summary>Where things stand in frames between block servers and their clients (docs/formats/far-memory-wire.md).</summary>
internal static class BlockFrame
{
    /// <summary>Longest name of a namespace, UTF-8.</summary>
    public const int NameBytesMax = 256;

    /// <summary>Most keys of one match.</summary>
    public const int KeysMax = 1 << 16;

    /// <summary>Longest lease that a client can ask for.</summary>
    public static readonly TimeSpan LeaseTimeMax = TimeSpan.FromMinutes(10);

    /// <summary>Bytes of a key in a payload, little-endian.</summary>
    public const int KeyBytes = 16;

    /// <summary>Bytes of the answer to <see cref="BlockQuestion.Usage"/>: five numbers.</summary>
    public const int UsageBytes = 5 * sizeof(long);

    public static BlockKey KeyOf(in FrameHeader frame) => new(new UInt128(frame.Argument, frame.Generation));

    public static void SetKey(ref FrameHeader frame, BlockKey key) =>
        (frame.Argument, frame.Generation) = ((ulong)(key.Hash >> 64), (ulong)key.Hash);

    /// <summary>The status in an answer; null when it is none.</summary>
    public static BlockStatus? StatusOf(in FrameHeader answer) =>
        answer.Argument <= (ulong)BlockStatus.Cancelled ? (BlockStatus)answer.Argument : null;

    public static void WriteKeys(ReadOnlySpan<BlockKey> keys, Span<byte> payload)
    {
        for (var i = 0; i < keys.Length; i++)
            BinaryPrimitives.WriteUInt128LittleEndian(payload[(i * KeyBytes)..], keys[i].Hash);
    }

    public static BlockKey[] ReadKeys(ReadOnlySpan<byte> payload)
    {
        var keys = new BlockKey[payload.Length / KeyBytes];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = new BlockKey(BinaryPrimitives.ReadUInt128LittleEndian(payload[(i * KeyBytes)..]));
        return keys;
    }

    public static void WriteUsage(in BlockStoreUsage usage, Span<byte> payload) => MemoryMarshal.Write(payload, usage);

    public static BlockStoreUsage ReadUsage(ReadOnlySpan<byte> payload) => MemoryMarshal.Read<BlockStoreUsage>(payload);
}
