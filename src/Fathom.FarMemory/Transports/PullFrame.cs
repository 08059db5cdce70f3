using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Transports;

/// <summary>The frame of a pull: peers are named once, fragments point at them.</summary>
internal static class PullFrame
{
    private const int ItemBytes = FragmentReader.FragmentBytes + sizeof(uint) + sizeof(byte);

    public static long PayloadBytes(NodeRequest request, NodeAddresses nodes)
    {
        var bytes = sizeof(byte) + sizeof(ushort) + (long)request.Pulls.Length * ItemBytes;
        foreach (var (node, _) in PeersOf(request))
            bytes += PeerName.Bytes(nodes.TextOf(node));
        foreach (var pull in request.Pulls)
            bytes += (long)pull.Sources.Length * PullPart.Bytes;
        return bytes;
    }

    public static void Write(NodeRequest request, NodeAddresses nodes, ref FragmentWriter words)
    {
        var peers = PeersOf(request);
        words.Byte((byte)peers.Count);
        foreach (var (node, incarnation) in peers)
            nodes.NameOf(node, incarnation).Write(ref words);
        words.UInt16((ushort)request.Pulls.Length);
        foreach (var pull in request.Pulls)
        {
            words.Fragment(pull.Target);
            words.UInt32(pull.Checksum);
            words.Byte((byte)pull.Sources.Length);
            foreach (var source in pull.Sources)
                new PullPart((byte)peers.IndexOf((source.Node, source.Incarnation)), source.At, source.Checksum, source.Coefficient).Write(ref words);
        }
    }

    public static NodeReply Reply(NodeRequest request, in FrameHeader answer, NativeView payload)
    {
        var incarnation = new Incarnation(answer.Incarnation);
        if (answer.Status != WireStatus.Done)
            return new NodeReply(answer.Status, NodeFault.None, incarnation);
        var words = new FragmentReader(payload.AsSpan<byte>());
        var outcomes = new PullOutcome[request.Pulls.Length];
        for (var i = 0; i < outcomes.Length; i++)
        {
            var (status, place) = ((WireStatus)words.Byte(), words.Byte());
            var sources = request.Pulls[i].Sources;
            outcomes[i] = new PullOutcome(status, place > 0 && place <= sources.Length ? sources[place - 1].Node : default);
        }
        return words.Holds && words.Rest.Length == 0
            ? new NodeReply(WireStatus.Done, NodeFault.None, incarnation, Pulled: outcomes)
            : new NodeReply(WireStatus.BadRequest, NodeFault.None, incarnation);
    }

    private static List<(NodeId Node, Incarnation Incarnation)> PeersOf(NodeRequest request)
    {
        var peers = new List<(NodeId, Incarnation)>();
        foreach (var pull in request.Pulls)
        {
            foreach (var source in pull.Sources)
            {
                if (!peers.Contains((source.Node, source.Incarnation)))
                    peers.Add((source.Node, source.Incarnation));
            }
        }
        return peers;
    }
}
