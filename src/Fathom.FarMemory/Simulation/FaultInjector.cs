using Fathom.FarMemory.Identity;
using Fathom.FarMemory.SpanSets;

namespace Fathom.FarMemory.Simulation;

/// <summary>Breaks nodes, connections and bits by seed, and mends them in the second phase.</summary>
internal sealed class FaultInjector(SimCluster cluster, SimulationPlan plan, ClusterChecks checks)
{
    /// <summary>Two destroyed nodes this far apart cannot meet in one write that is not acknowledged yet.</summary>
    private const long DestructionWindowUs = 60_000;

    private readonly Queue<long> _destructions = new();
    private readonly List<Action> _mends = [];
    private readonly SimLoop _loop = cluster.Loop;
    private readonly NodeFaults[] _kinds =
        [.. Enum.GetValues<NodeFaults>().Where(kind => kind is not (NodeFaults.None or NodeFaults.All) && (plan.Faults & kind) != 0)];
    private bool _isOver;

    /// <summary>Faults injected.</summary>
    public int Count { get; private set; }

    public void Start()
    {
        cluster.Network.Faults = plan.Network;
        if (plan.FaultEveryUs > 0 && plan.Faults != NodeFaults.None)
            ScheduleNext();
    }

    /// <summary>Ends all faults: the network is good, whoever is stopped goes on, whoever is dead comes back empty.</summary>
    public void MendAll()
    {
        _isOver = true;
        cluster.Network.Faults = new NetworkFaults();
        foreach (var mend in _mends.ToArray())
            mend();
        foreach (var node in cluster.Nodes)
        {
            if (!node.IsAlive)
                cluster.Restart(node);
        }
    }

    private void ScheduleNext() => _loop.After(_loop.Random.Between(1, 2 * plan.FaultEveryUs), () =>
    {
        if (_isOver)
            return;
        Inject();
        ScheduleNext();
    });

    private void Inject()
    {
        var kind = _kinds[_loop.Random.Below(_kinds.Length)];
        var node = cluster.Nodes[_loop.Random.Below(cluster.Nodes.Count)];
        var lengthUs = _loop.Random.Between(1_000, 80_000);
        Count++;
        switch (kind)
        {
            case NodeFaults.Kill when !plan.IsSurvivable:
                // More at once than any set can spare, now and then.
                for (var dead = 1 + _loop.Random.Below(plan.Options.CodeParity + 2); dead > 0; dead--)
                    cluster.Nodes[_loop.Random.Below(cluster.Nodes.Count)].Kill();
                break;
            case NodeFaults.Kill when node.IsAlive && MayDestroy(node):
                node.Kill();
                break;
            case NodeFaults.RestartEmpty when node.IsAlive && MayDestroy(node):
                node.Kill();
                _loop.After(lengthUs, () => RestartUnlessOver(node));
                break;
            case NodeFaults.RestartEmpty when !node.IsAlive:
                cluster.Restart(node);
                break;
            case NodeFaults.Pause when node.IsAlive && !node.IsPaused:
                node.Pause();
                MendAfter(lengthUs, () =>
                {
                    if (node.IsPaused)
                        cluster.Resume(node);
                });
                break;
            case NodeFaults.Slow:
                node.SlowUs = _loop.Random.Between(500, 30_000);
                MendAfter(lengthUs, () =>
                {
                    node.SlowUs = 0;
                    node.ImpairedUs = Math.Max(node.ImpairedUs, _loop.NowUs);
                });
                break;
            case NodeFaults.FlipBit when node.IsAlive:
                FlipBit(node);
                break;
            case NodeFaults.CutBoth or NodeFaults.CutOneWay:
                CutOff(node, cluster.Pool, kind == NodeFaults.CutBoth, lengthUs);
                break;
            case NodeFaults.CutBetweenNodes:
                var other = cluster.Nodes[_loop.Random.Below(cluster.Nodes.Count)];
                CutOff(node, other, _loop.Random.Chance(0.5), lengthUs);
                break;
            case NodeFaults.Drain when MayDrain():
                cluster.Pool.Receive(() => cluster.Pool.Run(() => cluster.Pool.Machine.OnNodeDraining(_loop.NowUs, node.Id)));
                break;
            default:
                Count--;
                break;
        }
    }

    /// <summary>Those that stay are enough for a set.</summary>
    private bool MayDrain()
    {
        var staying = cluster.Nodes.Count(node => !cluster.Pool.Machine.Core.Roster.Get(node.Id).IsDraining);
        return staying > plan.Options.CodeData + plan.Options.CodeParity;
    }

    private void RestartUnlessOver(SimNode node)
    {
        if (!_isOver && !node.IsAlive)
            cluster.Restart(node);
    }

    private void CutOff(SimProcess one, SimProcess other, bool both, long lengthUs)
    {
        if (one == other)
            return;
        var (from, to) = _loop.Random.Chance(0.5) ? (one, other) : (other, one);
        cluster.Cut(from, to);
        if (both)
            cluster.Cut(to, from);
        MendAfter(lengthUs, () =>
        {
            cluster.Heal(from, to);
            cluster.Heal(to, from);
        });
    }

    private void MendAfter(long delayUs, Action mend)
    {
        var isMended = false;
        void Once()
        {
            if (isMended)
                return;
            isMended = true;
            mend();
        }
        _mends.Add(Once);
        _loop.After(delayUs, Once);
    }

    /// <summary>Flips a bit of a fragment that a set counts on.</summary>
    private void FlipBit(SimNode node)
    {
        var table = cluster.Pool.Machine.Core.Table;
        for (var attempt = 0; attempt < 8 && table.SetsEnd > 1; attempt++)
        {
            if (table.SetAt(1 + _loop.Random.Below(table.SetsEnd - 1)) is not { } set)
                continue;
            if (plan.IsSurvivable && (set.Work != SetWork.None || checks.Destroyed(set) >= set.Slots - set.DataFragments))
                continue;
            for (var slot = 0; slot < set.Slots; slot++)
            {
                var place = set.Places[slot];
                if (place.IsEmpty || place.Node.Id != node.Id || place.Region.Grant.Incarnation != node.Incarnation)
                    continue;
                if (node.Store.Read(place.Range, out var bytes, out _) != Wire.WireStatus.Done)
                    continue;
                checks.Flipped(node.Id, place.Range);
                bytes[_loop.Random.Below(bytes.Length)] ^= (byte)(1 << _loop.Random.Below(8));
                return;
            }
        }
    }

    /// <summary>With survivable faults, a node dies only when every set can spare it.</summary>
    private bool MayDestroy(SimNode node)
    {
        if (!plan.IsSurvivable)
            return true;
        while (_destructions.TryPeek(out var whenUs) && _loop.NowUs - whenUs > DestructionWindowUs)
            _destructions.Dequeue();
        var spare = plan.Options.CodeParity - plan.Options.DegradedWriteMissingMax;
        if (_destructions.Count >= spare)
            return false;
        var table = cluster.Pool.Machine.Core.Table;
        for (var i = 1; i < table.SetsEnd; i++)
        {
            if (table.SetAt(i) is { } set && !CanSpare(set, node.Id))
                return false;
        }
        _destructions.Enqueue(_loop.NowUs);
        return true;
    }

    private bool CanSpare(SpanSet set, NodeId node)
    {
        var holdsSome = false;
        foreach (var place in set.Places)
            holdsSome |= !place.IsEmpty && place.Node.Id == node;
        // A fragment of that node may be destroyed already; counting it twice only makes the faults milder.
        return !holdsSome || checks.Destroyed(set) + 1 <= set.Slots - set.DataFragments;
    }
}
