using System.Buffers.Binary;
using System.Net.Sockets;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.Tests.Transports;

/// <summary>What arrives at a node's socket is not to be trusted, and a connection that breaks harms nobody else's.</summary>
public sealed class HostileConnectionTests : IDisposable
{
    private readonly LocalNode _node = new(TransportKind.Unix);

    public void Dispose() => _node.Dispose();

    [Fact]
    public void Fuzz_TenThousandMutatedFrames_NodeAnswersOrClosesAndStays()
    {
        _node.Allot(new RegionId(1), new ComputeId(1), new Epoch(1));
        var random = new Random(411);
        var frame = new byte[FrameHeader.Bytes + 256];
        var answer = new byte[64 << 10];
        Socket? socket = null;
        for (var round = 0; round < 10_000; round++)
        {
            socket ??= Open(greet: true);
            var length = Mutate(random, frame);
            try
            {
                socket.Send(frame.AsSpan(0, length));
                // Cut inside the frame now and then; else wait for an answer or the end, so that the node has looked at it.
                if (round % 50 == 0 || socket.Receive(answer) == 0)
                    Drop(ref socket);
            }
            catch (SocketException)
            {
                Drop(ref socket);
            }
        }
        Drop(ref socket);
        using var alive = _node.Link(CallerRole.Compute, 1);
        var ping = new FrameHeader { Kind = MessageKind.Heartbeat };
        Assert.Equal(FrameFault.None, alive.Call(ref ping, default, default, LocalNode.Soon, out _));
    }

    [Fact]
    public void OtherVersion_IsRefusedWithAClearError()
    {
        using var listener = new TemporarySocket();
        using var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        server.Bind(new UnixDomainSocketEndPoint(listener.Path));
        server.Listen();
        var future = new Thread(() =>
        {
            using var peer = server.Accept();
            var frame = new byte[FrameHeader.Bytes];
            _ = peer.Receive(frame);
            var header = new FrameHeader { Version = 9, Kind = MessageKind.Hello, Status = WireStatus.VersionMismatch };
            header.Write(frame);
            peer.Send(frame);
        });
        future.Start();
        var refused = Assert.Throws<NodeConnectionException>(() =>
            NodeLink.Connect(new NodeEndpoint(TransportKind.Unix, listener.Path), new CallerIdentity(CallerRole.Compute, 1), LocalNode.Soon));
        future.Join();
        Assert.Equal(FrameFault.Version, refused.Fault);
        Assert.Contains("version 9", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OtherVersion_AtTheNode_IsAnsweredWithItsOwn()
    {
        using var socket = Open(greet: false);
        var frame = new byte[FrameHeader.Bytes];
        var header = new FrameHeader { Version = 9, Kind = MessageKind.Hello };
        header.Write(frame);
        socket.Send(frame);
        Receive(socket, frame);
        Assert.Equal(FrameFault.None, FrameHeader.Read(frame, out var answer));
        Assert.Equal((WireStatus.VersionMismatch, FrameHeader.CurrentVersion), (answer.Status, answer.Version));
    }

    [Fact]
    public void Cut_InsideAWrite_LeavesNothingBehind()
    {
        _node.Allot(new RegionId(1), new ComputeId(1), new Epoch(1));
        var payload = new byte[8192];
        var frame = new byte[FrameHeader.Bytes];
        using (var socket = Open(greet: true))
        {
            var header = new FrameHeader
            {
                Kind = MessageKind.Write, RequestId = 1, Region = 1, Length = 8192, Generation = 1, Epoch = 1,
                PayloadLength = 8192, PayloadChecksum = Crc32C.Compute(payload),
            };
            header.Write(frame);
            socket.Send(frame);
            socket.Send(payload.AsSpan(0, 5000));
        }
        using var link = _node.Link(CallerRole.Compute, 1);
        var read = new FrameHeader { Kind = MessageKind.Read, Region = 1, Length = 8192, Generation = 1 };
        Assert.Equal(FrameFault.None, link.Call(ref read, default, default, LocalNode.Soon, out _));
        Assert.Equal(WireStatus.NoSuchFragment, read.Status);
    }

    [Fact]
    public void CorruptPayload_IsRefused_AndTheConnectionStays()
    {
        _node.Allot(new RegionId(1), new ComputeId(1), new Epoch(1));
        using var socket = Open(greet: true);
        var payload = new byte[8192];
        var frame = new byte[FrameHeader.Bytes];
        var header = new FrameHeader
        {
            Kind = MessageKind.Write, RequestId = 1, Region = 1, Length = 8192, Generation = 1, Epoch = 1,
            PayloadLength = 8192, PayloadChecksum = Crc32C.Compute(payload),
        };
        header.Write(frame);
        payload[100] ^= 4;
        foreach (var expected in new[] { WireStatus.Corrupt, WireStatus.Done })
        {
            socket.Send(frame);
            socket.Send(payload);
            var answer = new byte[FrameHeader.Bytes];
            Receive(socket, answer);
            Assert.Equal(FrameFault.None, FrameHeader.Read(answer, out var read));
            Assert.Equal(expected, read.Status);
            payload[100] ^= 4;
        }
    }

    [Fact]
    public void Caller_ThatDoesNotGreet_IsRefused()
    {
        using var socket = Open(greet: false);
        var frame = new byte[FrameHeader.Bytes];
        var header = new FrameHeader { Kind = MessageKind.Heartbeat };
        header.Write(frame);
        socket.Send(frame);
        Receive(socket, frame);
        Assert.Equal(FrameFault.None, FrameHeader.Read(frame, out var answer));
        Assert.Equal(WireStatus.BadRequest, answer.Status);
    }

    private static int Mutate(Random random, byte[] frame)
    {
        random.NextBytes(frame);
        var payload = random.Next(0, 257);
        var header = new FrameHeader
        {
            Kind = (MessageKind)random.Next(1, 50),
            RequestId = (ulong)random.NextInt64(),
            OperationId = (ulong)random.NextInt64(4),
            Epoch = (ulong)random.Next(3),
            Generation = (ulong)random.Next(5),
            Offset = random.Next(2) == 0 ? (ulong)random.NextInt64() : (ulong)random.Next(8) * 2048,
            Argument = (ulong)random.NextInt64(),
            DeadlineUs = 1000,
            Region = (uint)random.Next(3),
            Length = (uint)(random.Next(2) == 0 ? random.Next(FrameHeader.PayloadBytesMax) : random.Next(10) * 1024),
            PayloadLength = (uint)payload,
            PayloadChecksum = payload == 0 ? 0 : Crc32C.Compute(frame.AsSpan(FrameHeader.Bytes, payload)),
            Argument2 = (uint)random.Next(5),
        };
        header.Write(frame);
        if (random.Next(4) == 0)
        {
            frame[random.Next(FrameHeader.Bytes)] ^= (byte)(1 << random.Next(8));
            if (random.Next(2) == 0) // a liar with a right checksum
                BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(FrameHeader.Bytes - 4), Crc32C.Compute(frame.AsSpan(0, FrameHeader.Bytes - 4)));
        }
        // A length that lies would make the node wait for bytes that never come: give it what it was promised, up to a bound.
        FrameHeader.Read(frame, out var read);
        return read.PayloadLength > 256 ? FrameHeader.Bytes + 256 : FrameHeader.Bytes + (int)read.PayloadLength;
    }

    private Socket Open(bool greet)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 20 };
        socket.Connect(new UnixDomainSocketEndPoint(_node.Node.Endpoint.Address));
        if (greet)
        {
            var frame = new byte[FrameHeader.Bytes];
            var hello = new FrameHeader { Kind = MessageKind.Hello, Argument = 1, Argument2 = (uint)CallerRole.Compute };
            hello.Write(frame);
            socket.Send(frame);
            Receive(socket, frame);
        }
        return socket;
    }

    private static void Receive(Socket socket, byte[] frame)
    {
        socket.ReceiveTimeout = 20_000;
        for (var filled = 0; filled < frame.Length;)
        {
            var count = socket.Receive(frame.AsSpan(filled));
            Assert.NotEqual(0, count);
            filled += count;
        }
        socket.ReceiveTimeout = 20;
    }

    private static void Drop(ref Socket? socket)
    {
        socket?.Dispose();
        socket = null;
    }
}
