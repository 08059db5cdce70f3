using Fathom.FarMemory.Placement;
using Fathom.FarMemory.SpanSets;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.Recovery;

/// <summary>Fragments that one node makes on one request; each of them ends well or not on its own.</summary>
/// <remarks>Owned by the queue of rebuilds.</remarks>
internal sealed class RebuildBatch(PoolCore pool, FarNode target) : PoolOperation
{
    private const int FragmentsMax = 32;
    private const long BytesMax = 512 << 10;

    private readonly List<FragmentRebuild> _rebuilds = [];
    private long _bytes;

    /// <summary>Takes no more: a larger one would make the node answer later than it needs to.</summary>
    public bool IsFull => _rebuilds.Count >= FragmentsMax || _bytes >= BytesMax;

    public void Add(FragmentRebuild rebuild)
    {
        _rebuilds.Add(rebuild);
        _bytes += rebuild.Bytes;
    }

    public void Send()
    {
        var request = pool.Prepare(NodeOperation.Pull, target, this, 0);
        request.Pulls = [.. _rebuilds.Select(rebuild => rebuild.Pull)];
        pool.SendTimed(request);
    }

    public override void OnReply(NodeRequest request, in NodeReply reply)
    {
        for (var i = 0; i < _rebuilds.Count; i++)
        {
            var outcome = reply.IsDone && reply.Pulled is { } pulled ? pulled[i] : new PullOutcome(reply.IsDone ? WireStatus.BadRequest : WireStatus.PeerFailed);
            _rebuilds[i].End(outcome);
        }
        pool.Rebuilds.BatchEnded(_rebuilds.Count, request.SentUs, reply.IsDone);
    }
}
