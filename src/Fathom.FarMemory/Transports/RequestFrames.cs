using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Transports;

/// <summary>From a pool's request to the frame that carries it.</summary>
internal static class RequestFrames
{
    /// <summary>Bytes of the payload that <see cref="Write"/> makes.</summary>
    public static long PayloadBytes(NodeRequest request, NodeAddresses nodes) => request.Operation switch
    {
        NodeOperation.Write => request.Payload.Length,
        NodeOperation.ParityUpdate => ParityContribution.PrefaceBytes + request.Payload.Length,
        NodeOperation.Free => (long)request.Ranges.Length * FragmentReader.FragmentBytes,
        NodeOperation.Delta => 2 * FragmentReader.FragmentBytes,
        NodeOperation.SendDelta => 2 * FragmentReader.FragmentBytes + 2 + request.Targets.Sum(target => (long)ParityPart.Bytes(nodes.TextOf(target.Node))),
        NodeOperation.Pull => PullFrame.PayloadBytes(request, nodes),
        _ => 0,
    };

    /// <summary>Fills the payload and the header, but for the ids of the connection.</summary>
    public static FrameHeader Write(NodeRequest request, NodeAddresses nodes, NativeView payload)
    {
        var at = request.At;
        var header = new FrameHeader
        {
            Kind = KindOf(request.Operation),
            OperationId = request.Compaction.Value,
            Epoch = request.Epoch.Value,
            Incarnation = request.Incarnation.Value,
            Generation = at.Generation.Value,
            Offset = at.Offset,
            Region = at.Region.Value,
            Length = at.Length,
            DeadlineUs = (uint)Math.Clamp(request.TimeoutUs, 0, uint.MaxValue),
            PayloadLength = (uint)payload.Length,
        };
        var words = new FragmentWriter(payload.AsSpan<byte>());
        switch (request.Operation)
        {
            case NodeOperation.Write:
                request.Payload.AsSpan<byte>().CopyTo(payload.AsSpan<byte>());
                header.PayloadChecksum = request.Checksum;
                return header;
            case NodeOperation.ParityUpdate:
                new ParityContribution(request.Owner, (byte)request.Contributor, request.Other, at).Write(payload.AsSpan<byte>());
                request.Payload.AsSpan<byte>().CopyTo(payload.AsSpan<byte>()[ParityContribution.PrefaceBytes..]);
                break;
            case NodeOperation.Free:
                foreach (var range in request.Ranges)
                    words.Fragment(range);
                break;
            case NodeOperation.Delta:
                words.Fragment(at);
                words.Fragment(request.Other);
                break;
            case NodeOperation.SendDelta:
                words.Fragment(at);
                words.Fragment(request.Other);
                words.Byte((byte)request.Contributor);
                words.Byte((byte)request.Targets.Length);
                foreach (var target in request.Targets)
                    new ParityPart(nodes.NameOf(target.Node, target.Incarnation), target.Parity, target.Shadow, target.Coefficient).Write(ref words);
                break;
            case NodeOperation.Prepare:
                header.Argument = request.Contributors;
                break;
            case NodeOperation.Pull:
                PullFrame.Write(request, nodes, ref words);
                break;
        }
        header.PayloadChecksum = payload.Length == 0 ? 0 : Crc32C.Compute(payload);
        return header;
    }

    /// <summary>From the answer to the reply; the payload's checksum in the header is that of the bytes that arrived.</summary>
    public static NodeReply Reply(NodeRequest request, in FrameHeader answer, NativeView payload)
    {
        if (request.Operation == NodeOperation.Pull)
            return PullFrame.Reply(request, answer, payload);
        var checksum = request.Operation is NodeOperation.Read or NodeOperation.Delta ? answer.PayloadChecksum : answer.Argument2;
        var failed = default(NodeId);
        if (request.Operation == NodeOperation.SendDelta && answer.Status != WireStatus.Done && answer.Argument2 is > 0 and var place && place <= request.Targets.Length)
            failed = request.Targets[place - 1].Node;
        return new NodeReply(answer.Status, NodeFault.None, new Incarnation(answer.Incarnation), checksum, failed);
    }

    private static MessageKind KindOf(NodeOperation operation) => operation switch
    {
        NodeOperation.Read => MessageKind.Read,
        NodeOperation.Write => MessageKind.Write,
        NodeOperation.Free => MessageKind.Free,
        NodeOperation.Scrub => MessageKind.Scrub,
        NodeOperation.Delta => MessageKind.Delta,
        NodeOperation.SendDelta => MessageKind.SendDelta,
        NodeOperation.ParityUpdate => MessageKind.ParityUpdate,
        NodeOperation.Prepare => MessageKind.Prepare,
        NodeOperation.Commit => MessageKind.Commit,
        NodeOperation.Abort => MessageKind.Abort,
        NodeOperation.Pull => MessageKind.Pull,
        _ => MessageKind.Heartbeat,
    };
}
