using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Placement;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.SpanSets;

namespace Fathom.FarMemory.Simulation;

/// <summary>A pool and its memory nodes on a simulated network.</summary>
internal sealed class SimCluster : IDisposable
{
    /// <summary>How long after a fault the pool may still think ill of a node.</summary>
    private const long RecoveredUs = 120_000;

    private const int PoolAddress = 1000;

    private readonly SimNode[] _nodes;
    private readonly int _regionGranules;
    private readonly int _regionsANodeMax;
    private ushort _lastRegion;

    public SimCluster(SimLoop loop, FarPoolOptions options, int nodes, int regionGranules, int regionsANodeMax, PlantedFault planted)
    {
        Loop = loop;
        _regionGranules = regionGranules;
        _regionsANodeMax = regionsANodeMax;
        Network = new SimNetwork(loop);
        _nodes = new SimNode[nodes];
        for (var i = 0; i < nodes; i++)
            _nodes[i] = new SimNode(new NodeId((ushort)(i + 1)), loop, Network, Node, planted);
        Pool = new SimPool(PoolAddress, new ComputeId(1), new Epoch(1), options, loop, Network, Node, planted, AskRegion);
    }

    public SimLoop Loop { get; }

    public SimNetwork Network { get; }

    public SimPool Pool { get; }

    public IReadOnlyList<SimNode> Nodes => _nodes;

    public SimNode Node(NodeId id) => _nodes[id.Value - 1];

    /// <summary>Gives the pool a region on every node.</summary>
    public void Start()
    {
        foreach (var node in _nodes)
            Grant(node);
    }

    /// <summary>Nothing is or was lately wrong with the node and its connections.</summary>
    public bool IsWell(NodeId id)
    {
        var node = Node(id);
        return node.IsAlive && !node.IsPaused && node.SlowUs == 0 && Loop.NowUs - node.ImpairedUs > RecoveredUs;
    }

    /// <summary>It comes back empty, on the same address, as another incarnation.</summary>
    public void Restart(SimNode node)
    {
        node.Restart();
        node.ImpairedUs = Loop.NowUs;
        Loop.After(Loop.Random.Between(500, 5_000), () =>
        {
            if (node.IsAlive)
                Pool.Receive(() => Pool.Run(() => Pool.Machine.OnNodeUp(Loop.NowUs, node.Id, node.Incarnation)));
        });
    }

    public void Resume(SimNode node)
    {
        node.Resume();
        node.ImpairedUs = Loop.NowUs;
    }

    public void Cut(SimProcess from, SimProcess to)
    {
        Network.Cut(from.Address, to.Address);
        from.ImpairedUs = to.ImpairedUs = SimProcess.StillImpaired;
    }

    public void Heal(SimProcess from, SimProcess to)
    {
        Network.Heal(from.Address, to.Address);
        from.ImpairedUs = to.ImpairedUs = Loop.NowUs;
    }

    public void Dispose() => Pool.Dispose();

    private void AskRegion(SimPool pool, NodeId id) => Loop.After(Loop.Random.Between(100, 2_000), () => pool.Receive(() =>
    {
        var node = Node(id);
        if (node.IsAlive && node.Store.Regions.Count < _regionsANodeMax)
            Grant(node);
        else
            pool.Run(() => pool.Machine.OnGrantRefused(Loop.NowUs, id));
    }));

    private void Grant(SimNode node)
    {
        var region = new RegionId(++_lastRegion);
        var bytes = (long)_regionGranules * PoolMachine.GranuleBytes;
        node.Store.Regions.Add(region, new SimRegion(new ComputeId(1), new Epoch(1), bytes));
        var grant = new RegionGrant(region, node.Id, node.Incarnation, new Epoch(1), bytes);
        Pool.Run(() => Pool.Machine.OnGrant(Loop.NowUs, grant));
    }
}
