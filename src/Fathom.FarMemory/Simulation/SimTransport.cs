using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.Simulation;

/// <summary>A pool's way to the simulated nodes.</summary>
internal sealed class SimTransport(
    SimProcess owner, SimLoop loop, SimNetwork network, Func<NodeId, SimNode> nodes, PlantedFault planted,
    Action<NodeRequest, NodeReply> replied) : INodeTransport
{
    private readonly Dictionary<ulong, NodeRequest> _waiting = [];

    /// <summary>Requests sent, by operation.</summary>
    public long[] Sent { get; } = new long[Enum.GetValues<NodeOperation>().Length];

    public bool Send(NodeRequest request, out NodeReply reply)
    {
        reply = default;
        Sent[(int)request.Operation]++;
        _waiting.Add(request.Id.Value, request);
        var node = nodes(request.Node);
        var copy = SimRequest.CopyOf(request);
        if (request.Operation == NodeOperation.Write && (planted & PlantedFault.AcknowledgeEarly) != 0)
            loop.After(1, () => owner.Receive(() => Answer(copy.Id, new SimReply(copy.Id, WireStatus.Done, copy.Incarnation, 0, [], default))));
        // A process that is gone refuses the connection, when the network lets the refusal through.
        if (!node.IsAlive && loop.Random.Chance(0.8))
            loop.After(loop.Random.Between(20, 120), () => owner.Receive(() => Answer(copy.Id, null)));
        else
            network.Send(owner, node, () => node.Handle(copy, answer => network.Send(node, owner, () => Answer(answer.Id, answer))));
        return false;
    }

    public void Cancel(NodeRequest request) => _waiting.Remove(request.Id.Value);

    private void Answer(ulong id, SimReply? answer)
    {
        if (!_waiting.Remove(id, out var request))
            return;
        if (answer is null)
        {
            replied(request, new NodeReply(default, NodeFault.Refused));
            return;
        }
        var checksum = answer.Checksum;
        if (answer.Status == WireStatus.Done && request.Operation is NodeOperation.Read or NodeOperation.Delta)
        {
            answer.Payload.CopyTo(request.Destination.AsSpan<byte>());
            checksum = Crc32C.Compute(request.Destination);
        }
        replied(request, new NodeReply(answer.Status, NodeFault.None, answer.Incarnation, checksum, answer.FailedNode, answer.Pulled));
    }
}
