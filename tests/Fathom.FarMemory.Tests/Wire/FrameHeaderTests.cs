using System.Buffers.Binary;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.Tests.Wire;

public sealed class FrameHeaderTests
{
    private const ulong Seed = 20261122;

    [Fact]
    public void Read_WhatWasWritten_IsTheSame()
    {
        var bytes = new byte[FrameHeader.Bytes];
        var header = Example();
        header.Write(bytes);
        Assert.Equal(FrameFault.None, FrameHeader.Read(bytes, out var read));
        Assert.Equal(
            (MessageKind.Write, 7UL, 11UL, 3UL, 0x1234UL, 9UL, 4096UL, 77UL, 5000u, 12u, 8192u, 8192u, 0xCAFEu, 5u),
            (read.Kind, read.RequestId, read.OperationId, read.Epoch, read.Incarnation, read.Generation, read.Offset, read.Argument,
                read.DeadlineUs, read.Region, read.Length, read.PayloadLength, read.PayloadChecksum, read.Argument2));
    }

    [Fact]
    public void Read_AnyFlippedBit_IsAFault()
    {
        var bytes = new byte[FrameHeader.Bytes];
        var header = Example();
        header.Write(bytes);
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.NotEqual(FrameFault.None, FrameHeader.Read(bytes, out _));
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
        }
    }

    [Fact]
    public void Read_OtherVersion_IsNamedEvenIfTheRestMeansNothing()
    {
        var bytes = new byte[FrameHeader.Bytes];
        new Random((int)Seed).NextBytes(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, FrameHeader.Mark);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(4), FrameHeader.CurrentVersion + 1);
        Assert.Equal(FrameFault.Version, FrameHeader.Read(bytes, out var header));
        Assert.Equal(FrameHeader.CurrentVersion + 1, header.Version);
    }

    [Fact]
    public void Read_SomethingElse_IsNotOurs() =>
        Assert.Equal(FrameFault.NotOurs, FrameHeader.Read("GET / HTTP/1.1\r\n".PadRight(FrameHeader.Bytes).Select(c => (byte)c).ToArray(), out _));

    /// <summary>Field values that a hostile sender gives a right checksum: whatever is accepted is within what the protocol allows.</summary>
    [Fact]
    public void Read_TenThousandMutationsWithRightChecksum_AcceptsOnlyAllowedFields()
    {
        var random = new Random((int)Seed);
        var bytes = new byte[FrameHeader.Bytes];
        for (var round = 0; round < 10_000; round++)
        {
            var header = Example();
            header.Write(bytes);
            for (var change = random.Next(1, 5); change > 0; change--)
                bytes[random.Next(FrameHeader.Bytes - sizeof(uint))] = (byte)(random.Next(2) == 0 ? 0xFF : random.Next(256));
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(FrameHeader.Bytes - sizeof(uint)), Crc32C.Compute(bytes.AsSpan(0, FrameHeader.Bytes - sizeof(uint))));
            if (FrameHeader.Read(bytes, out var read) != FrameFault.None)
                continue;
            Assert.InRange(read.PayloadLength, 0u, (uint)FrameHeader.PayloadBytesMax);
            Assert.InRange(read.Length, 0u, (uint)FrameHeader.PayloadBytesMax);
            Assert.InRange(read.Region, 0u, ushort.MaxValue);
            Assert.True(read.Offset <= long.MaxValue);
        }
    }

    private static FrameHeader Example() => new()
    {
        Kind = MessageKind.Write,
        RequestId = 7,
        OperationId = 11,
        Epoch = 3,
        Incarnation = 0x1234,
        Generation = 9,
        Offset = 4096,
        Argument = 77,
        DeadlineUs = 5000,
        Region = 12,
        Length = 8192,
        PayloadLength = 8192,
        PayloadChecksum = 0xCAFE,
        Argument2 = 5,
    };
}
