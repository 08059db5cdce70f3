using System.Collections.Concurrent;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Tests.Transports;

public sealed class NodeTransportTests : IDisposable
{
    private const int SpanBytes = 8192;
    private static readonly ComputeId Owner = new(42);
    private static readonly Epoch First = new(1);
    private static readonly RegionId Region = new(7);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly BlockingCollection<(RequestId Id, NodeReply Reply)> _replies = new(64);
    private readonly NodeAddresses _addresses = new();
    private readonly NodeTransport _transport;
    private readonly NativeBuffer _bytes = NativeBuffer.Allocate(SpanBytes);
    private readonly NativeBuffer _read = NativeBuffer.Allocate(SpanBytes);
    private ulong _lastId;

    public NodeTransportTests() => _transport = new NodeTransport(_addresses, Owner, (_, id, reply) => _replies.Add((id, reply)));

    public static TheoryData<TransportKind> Transports() => LocalNode.Transports();

    public void Dispose()
    {
        _transport.Dispose();
        _replies.Dispose();
        _bytes.Dispose();
        _read.Dispose();
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void Span_WrittenReadFreed_OverEveryTransport(TransportKind kind)
    {
        using var node = Start(kind);
        var at = At(0, 1);
        for (var round = 0; round < 50; round++) // over shared memory the first ones take the socket, later ones the mapping
        {
            at = At(round * SpanBytes, (ulong)round + 1);
            Assert.Equal(WireStatus.Done, Write(node, at, (byte)round).Status);
            var reply = Call(node, NodeOperation.Read, at, request => request.Destination = _read.View);
            Assert.Equal((WireStatus.Done, Crc32C.Compute(_bytes.View)), (reply.Status, reply.Checksum));
            Assert.True(_read.AsSpan<byte>(0, SpanBytes).SequenceEqual(_bytes.AsSpan<byte>(0, SpanBytes)));
            Assert.Equal(node.Node.Incarnation, reply.Incarnation);
        }
        var direct = new DirectRead
        {
            Node = new NodeId(1), Incarnation = node.Node.Incarnation, Epoch = First, From = at, Destination = _read.View, Expected = Crc32C.Compute(_bytes.View),
        };
        _transport.Read(new Span<DirectRead>(ref direct), LocalNode.Soon);
        Assert.True(direct.IsGood);
        Call(node, NodeOperation.Free, default, request => request.Ranges = [at]);
        Assert.Equal(WireStatus.NoSuchFragment, Call(node, NodeOperation.Read, at, request => request.Destination = _read.View).Status);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void Parity_BuiltByPeers_IsWhatTheCodeSays(TransportKind kind)
    {
        using var data = Start(kind);
        using var parity = new LocalNode(kind, id: 2);
        _addresses.Set(new NodeId(2), parity.Node.Endpoint);
        parity.Allot(Region, Owner, First);
        var (old, replacement, before, shadow) = (At(0, 1), At(SpanBytes, 2), At(0, 3), At(SpanBytes, 4));
        Write(data, old, 0x11);
        Write(data, replacement, 0x22);
        Write(parity, before, 0x44, 2);
        var sent = Call(data, NodeOperation.SendDelta, old, request =>
        {
            request.Other = replacement;
            request.Compaction = new OperationId(9);
            request.Contributor = 3;
            request.Targets = [new ParityTarget(new NodeId(2), parity.Node.Incarnation, before, shadow, Coefficient: 1)];
        });
        Assert.Equal(WireStatus.Done, sent.Status);
        NodeReply Decide(NodeOperation operation) => Call(parity, operation, shadow, request =>
        {
            request.Compaction = new OperationId(9);
            request.Contributors = 1 << 3;
        }, 2);
        Assert.Equal(WireStatus.Done, Decide(NodeOperation.Prepare).Status);
        var committed = Decide(NodeOperation.Commit);
        Assert.Equal(WireStatus.Done, committed.Status);
        var reply = Call(parity, NodeOperation.Read, shadow, request => request.Destination = _read.View, 2);
        Assert.Equal((WireStatus.Done, committed.Checksum), (reply.Status, reply.Checksum));
        Assert.Equal(0x11 ^ 0x22 ^ 0x44, _read.AsSpan<byte>(0, 1)[0]);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void Pull_AddsPeersFragmentsUp_AndEachFragmentEndsOnItsOwn(TransportKind kind)
    {
        using var source = Start(kind);
        using var target = new LocalNode(kind, id: 2);
        _addresses.Set(new NodeId(2), target.Node.Endpoint);
        target.Allot(Region, Owner, First);
        PullSource Stored(int place, ulong generation, byte content)
        {
            Write(source, At(place * SpanBytes, generation), content);
            return new PullSource(new NodeId(1), source.Node.Incarnation, At(place * SpanBytes, generation), Crc32C.Compute(_bytes.View), 1);
        }
        var (one, two) = (Stored(0, 1, 0x0F), Stored(1, 2, 0xF0));
        _bytes.AsSpan<byte>(0, SpanBytes).Fill(0xFF);
        var sum = Crc32C.Compute(_bytes.View);
        FragmentPull To(int place, uint checksum, PullSource other) => new(At(place * SpanBytes, 10 + (ulong)place), checksum, [one, other]);

        var reply = Call(target, NodeOperation.Pull, default, request => request.Pulls =
        [
            To(0, sum, two), To(1, sum + 1, two), To(2, sum, two with { Checksum = 1 }), To(3, sum, two with { At = At(SpanBytes, 9) }),
            To(4, sum, two with { Incarnation = new Incarnation(1) }), To(5, sum, two),
        ], 2);

        Assert.Equal(WireStatus.Done, reply.Status);
        var peer = new NodeId(1);
        Assert.Equal(
        [
            new PullOutcome(WireStatus.Done), new PullOutcome(WireStatus.Corrupt), new PullOutcome(WireStatus.Corrupt, peer), new PullOutcome(WireStatus.PeerFailed, peer),
            new PullOutcome(WireStatus.PeerFailed, peer), new PullOutcome(WireStatus.Done),
        ], reply.Pulled!);
        foreach (var place in (int[])[0, 5])
        {
            var made = Call(target, NodeOperation.Read, At(place * SpanBytes, 10 + (ulong)place), request => request.Destination = _read.View, 2);
            Assert.Equal((WireStatus.Done, sum), (made.Status, made.Checksum));
        }
        Assert.Equal(WireStatus.NoSuchFragment, Call(target, NodeOperation.Read, At(SpanBytes, 11), request => request.Destination = _read.View, 2).Status);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void Restart_OnTheSameAddress_IsAnotherIncarnation_NeverZeros(TransportKind kind)
    {
        using var folder = new TemporarySocket();
        var listen = kind == TransportKind.Tcp ? new NodeEndpoint(kind, "127.0.0.1:0") : new NodeEndpoint(kind, folder.Path);
        var options = new MemoryNodeOptions { Listen = listen, Node = new NodeId(1), CapacityBytes = 256 << 20 };
        var first = MemoryNode.Start(options, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        _addresses.Set(new NodeId(1), first.Endpoint);
        var meant = first.Incarnation;
        var ping = Call(meant, NodeOperation.Ping, default, _ => { });
        Assert.Equal(WireStatus.Done, ping.Status);
        first.Dispose();
        using var second = MemoryNode.Start(options with { Listen = first.Endpoint }, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        NodeReply reply;
        var patience = LocalNode.Soon;
        do
        {
            reply = Call(meant, NodeOperation.Read, At(0, 1), request => request.Destination = _read.View);
        }
        while (reply.Fault != NodeFault.None && System.Diagnostics.Stopwatch.GetTimestamp() < patience);
        Assert.Equal((WireStatus.WrongIncarnation, second.Incarnation), (reply.Status, reply.Incarnation));
    }

    [Fact]
    public void Directory_ReplacedByANewerTerm_IsRefusedEvenOnItsOldConnection()
    {
        using var node = new LocalNode(TransportKind.Unix);
        using var old = node.Link(CallerRole.Directory, 1, term: 4);
        Assert.Equal(WireStatus.Done, node.Allot(Region, Owner, First, term: 5));
        var frame = new FrameHeader { Kind = MessageKind.AllotRegion, Region = 8, OperationId = Owner.Value, Epoch = 1, Argument = 16 << 20 };
        Assert.Equal(FrameFault.None, old.Call(ref frame, default, default, LocalNode.Soon, out _));
        Assert.Equal(WireStatus.Fenced, frame.Status);
        var refused = Assert.Throws<NodeConnectionException>(() => node.Link(CallerRole.Directory, 1, term: 4));
        Assert.Equal(WireStatus.Fenced, refused.Status);
    }

    [Fact]
    public void Compute_CannotAllotOrFence()
    {
        using var node = new LocalNode(TransportKind.Unix);
        using var compute = node.Link(CallerRole.Compute, Owner.Value);
        var frame = new FrameHeader { Kind = MessageKind.AllotRegion, Region = 8, OperationId = Owner.Value, Epoch = 1, Argument = 16 << 20 };
        Assert.Equal(FrameFault.None, compute.Call(ref frame, default, default, LocalNode.Soon, out _));
        Assert.Equal(WireStatus.Fenced, frame.Status);
    }

    private static FragmentRange At(long offset, ulong generation) => new(Region, (ulong)offset, SpanBytes, new Generation(generation));

    private LocalNode Start(TransportKind kind)
    {
        var node = new LocalNode(kind);
        _addresses.Set(new NodeId(1), node.Node.Endpoint);
        Assert.Equal(WireStatus.Done, node.Allot(Region, Owner, First));
        return node;
    }

    private NodeReply Write(LocalNode node, FragmentRange at, byte fill, ushort id = 1)
    {
        _bytes.AsSpan<byte>(0, SpanBytes).Fill(fill);
        return Call(node, NodeOperation.Write, at, request =>
        {
            request.Payload = _bytes.View;
            request.Checksum = Crc32C.Compute(_bytes.View);
        }, id);
    }

    private NodeReply Call(LocalNode node, NodeOperation operation, FragmentRange at, Action<NodeRequest> fill, ushort id = 1) =>
        Call(node.Node.Incarnation, operation, at, fill, id);

    private NodeReply Call(Incarnation incarnation, NodeOperation operation, FragmentRange at, Action<NodeRequest> fill, ushort id = 1)
    {
        var request = new NodeRequest
        {
            Id = new RequestId(++_lastId),
            Operation = operation,
            Node = new NodeId(id),
            Incarnation = incarnation,
            Owner = Owner,
            Epoch = First,
            At = at,
            TimeoutUs = (long)Patience.TotalMicroseconds,
        };
        fill(request);
        if (_transport.Send(request, out var reply))
            return reply;
        Assert.True(_replies.TryTake(out var answer, Patience));
        Assert.Equal(request.Id, answer.Id);
        return answer.Reply;
    }
}
