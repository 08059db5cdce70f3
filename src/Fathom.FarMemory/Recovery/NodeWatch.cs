using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Placement;
using Fathom.FarMemory.SpanSets;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.Recovery;

/// <summary>
/// Which nodes are counted on. Regions belong to one process alone, so each process may decide for itself that a node is dead to it:
/// nothing it does afterwards can be undone by the node coming back, because generations and incarnations fence what is old.
/// </summary>
/// <remarks>Owned by the pool's state machine.</remarks>
internal sealed class NodeWatch(PoolCore pool) : PoolOperation
{
    private const int MissesToSuspect = 3;

    /// <summary>Takes in what an answer, or its absence, says about the node it was for.</summary>
    public void Note(NodeRequest request, in NodeReply reply)
    {
        var node = pool.Roster.Get(request.Node);
        switch (reply.Fault)
        {
            case NodeFault.NoAnswer:
                // One that waits for its peers says nothing about itself.
                if (request.Operation is not (NodeOperation.Pull or NodeOperation.SendDelta))
                    Miss(node);
                return;
            case NodeFault.Refused:
                Down(node);
                return;
            case NodeFault.Unreachable or NodeFault.Version:
                Suspect(node);
                return;
        }
        if (reply.Incarnation != node.Incarnation && reply.Incarnation.Value != 0)
            Meet(node, reply.Incarnation);
        Answered(node);
        if (reply.Status is WireStatus.Fenced or WireStatus.NotOwner)
            pool.Fence();
        else if (reply.Status == WireStatus.NoSuchRegion)
            DropRegion(node, request);
        else if (reply.Status == WireStatus.Draining && !node.IsDraining)
            Drain(node);
    }

    /// <summary>A request has taken longer than it should.</summary>
    public void Miss(FarNode node)
    {
        if (++node.Misses >= MissesToSuspect)
            Suspect(node);
    }

    /// <summary>The node answers under this incarnation: what earlier ones held is gone.</summary>
    public void Meet(FarNode node, Incarnation incarnation)
    {
        // A reply of an earlier life can arrive after one of a later.
        if (incarnation.Value < node.Incarnation.Value)
            return;
        node.Incarnation = incarnation;
        for (var i = node.Regions.Count - 1; i >= 0; i--)
        {
            if (node.Regions[i].Grant.Incarnation != incarnation)
                pool.Roster.Drop(node.Regions[i]);
        }
        node.IsRegionAsked = false;
        node.IsDraining = false;
        node.IsDrained = false;
        pool.Rebuilds.Scan();
    }

    public void Answered(FarNode node)
    {
        node.Misses = 0;
        node.HeardUs = pool.NowUs;
        if (node.Health == NodeHealth.Up)
            return;
        // Fragments that were not rebuilt meanwhile count again; those that were have been freed.
        node.Health = NodeHealth.Up;
        pool.Rebuilds.Scan();
    }

    /// <summary>The directory, or the time, says that the node is dead.</summary>
    public void Down(FarNode node)
    {
        if (node.Health == NodeHealth.Down)
            return;
        node.Health = NodeHealth.Down;
        pool.Rebuilds.Scan();
    }

    public void Drain(FarNode node)
    {
        node.IsDraining = true;
        node.IsDrained = false;
        pool.Rebuilds.Scan();
    }

    /// <summary>Probes nodes that are not counted on or have said nothing for a while, and gives up those that stay silent.</summary>
    public void Tick()
    {
        foreach (var node in pool.Roster.Nodes)
        {
            var isQuiet = node.Health != NodeHealth.Up || pool.NowUs - node.HeardUs >= pool.Options.ProbeIntervalUs;
            if (!isQuiet || pool.NowUs < node.ProbeDueUs)
                continue;
            if (node.Health == NodeHealth.Suspect && pool.NowUs - node.SuspectSinceUs >= pool.Options.DownAfterUs)
                Down(node);
            node.ProbeDueUs = pool.NowUs + pool.Options.ProbeIntervalUs;
            var probe = pool.Prepare(NodeOperation.Ping, node, this, 0);
            probe.Incarnation = default;
            pool.SendTimed(probe);
        }
    }

    public override void OnReply(NodeRequest request, in NodeReply reply)
    {
    }

    private void Suspect(FarNode node)
    {
        if (node.Health != NodeHealth.Up)
            return;
        node.Health = NodeHealth.Suspect;
        node.SuspectSinceUs = pool.NowUs;
        node.ProbeDueUs = pool.NowUs;
    }

    private void DropRegion(FarNode node, NodeRequest request)
    {
        foreach (var region in node.Regions)
        {
            if (region.Grant.Region != request.At.Region)
                continue;
            pool.Roster.Drop(region);
            pool.Rebuilds.Scan();
            return;
        }
    }
}
