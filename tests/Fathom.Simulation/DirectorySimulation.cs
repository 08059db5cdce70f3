using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Membership;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Simulation;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.Simulation;

/// <summary>
/// Region directories over one journal, real node stores and compute processes with leases, one step at a time in an order that a seed
/// decides: directories die between any two steps and replaced ones go on, processes stop and come back, nodes restart with nothing.
/// </summary>
internal sealed class DirectorySimulation : IDisposable
{
    private const long LeaseUs = 150;
    private const long RegionBytes = RegionLayout.BytesMin;

    private readonly SimRandom _random;
    private readonly List<string> _journal = [];
    private readonly StoreNode[] _nodes;
    private readonly List<Directory> _directories = [];
    private readonly List<Compute> _computes = [];
    private readonly Dictionary<(NodeId, Incarnation, RegionId), ComputeId> _granted = [];
    private readonly NativeBuffer _bytes = NativeBuffer.Allocate(2048);
    private long _nowUs = 1;
    private ulong _generation;

    public DirectorySimulation(ulong seed)
    {
        _random = new SimRandom(seed);
        _nodes = [.. Enumerable.Range(1, 3).Select(id => new StoreNode(new NodeId((ushort)id)))];
        TakeOver();
    }

    /// <summary>Writes that nodes took.</summary>
    public int Accepted { get; private set; }

    /// <summary>Writes of processes whose lease had ended, refused.</summary>
    public int Refused { get; private set; }

    /// <summary>Attempts of replaced directories, refused.</summary>
    public int StaleRefused { get; private set; }

    private Directory Acting => _directories[^1];

    public void Run(int steps)
    {
        for (var step = 0; step < steps; step++)
        {
            _nowUs += _random.Between(1, 60);
            Step();
        }
        Mend();
    }

    public void Dispose()
    {
        foreach (var node in _nodes)
            node.Store.Dispose();
        _bytes.Dispose();
    }

    private void Step()
    {
        foreach (var compute in _computes.Where(compute => !compute.IsStopped))
            compute.IsFenced |= !Acting.Ledger.Renew(_nowUs, LeaseUs, compute.Owner, compute.Epoch);
        switch (_random.Below(10))
        {
            case 0 when _computes.Count < 6:
                Append(Acting, Acting.Ledger.OpenLease(_nowUs, LeaseUs, out var owner, out var epoch));
                _computes.Add(new Compute(owner, epoch));
                break;
            case 1 or 2 or 3 when _computes.Count > 0:
                Allot(Acting, _computes[_random.Below(_computes.Count)], _nodes[_random.Below(_nodes.Length)]);
                break;
            case 4 or 5 when _computes.Count > 0:
                Write(_computes[_random.Below(_computes.Count)]);
                break;
            case 6 when _computes.Count > 0:
                var stopping = _computes[_random.Below(_computes.Count)];
                stopping.IsStopped = !stopping.IsStopped;
                break;
            case 7:
                Expire(Acting);
                break;
            case 8:
                TakeOver();
                break;
            case 9 when _random.Chance(0.3):
                _nodes[_random.Below(_nodes.Length)].Restart();
                break;
            default:
                ActStale();
                break;
        }
    }

    /// <summary>A directory dies, or is thought dead; another goes on from what the journal says.</summary>
    private void TakeOver()
    {
        var ledger = new RegionLedger();
        foreach (var line in _journal)
            Assert.True(ledger.Apply(line), line);
        var directory = new Directory(ledger);
        _directories.Add(directory);
        _journal.Add(ledger.BeginTerm());
        ledger.GiveGrace(_nowUs, LeaseUs);
        foreach (var node in _nodes)
            Assert.True(node.Term.Accept(ledger.Term));
    }

    /// <summary>The store takes lines of the acting directory alone; the compare-and-swap of a replaced one fails.</summary>
    private bool Append(Directory directory, string? line)
    {
        if (line is null || directory != Acting)
            return false;
        _journal.Add(line);
        return true;
    }

    private void Allot(Directory directory, Compute compute, StoreNode node)
    {
        var line = directory.Ledger.PlanRegion(compute.Owner, compute.Epoch, node.Id, node.Incarnation, RegionBytes, out var region);
        if (line is null || !Append(directory, line))
            return;
        // Killed here, the plan stands in the journal and its id is taken.
        if (_random.Chance(0.2))
        {
            TakeOver();
            return;
        }
        var status = node.Term.Accept(directory.Ledger.Term)
            ? node.Store.Allot(region.Id, (ulong)RegionBytes, compute.Owner, compute.Epoch, out _)
            : WireStatus.Fenced;
        // Killed here, the node has the region and nobody was told.
        if (_random.Chance(0.2))
        {
            TakeOver();
            return;
        }
        if (status != WireStatus.Done)
        {
            if (status is WireStatus.Full or WireStatus.Fenced)
                Append(directory, directory.Ledger.DropRegion(region.Id));
            return;
        }
        var key = (node.Id, node.Incarnation, region.Id);
        Assert.False(_granted.TryGetValue(key, out var other) && _computes.Any(holder => holder.Owner == other && !IsEnded(holder)), "a region has two owners");
        _granted[key] = compute.Owner;
        compute.Grants.Add((node, node.Incarnation, region.Id));
    }

    private bool IsEnded(Compute compute) => !Acting.Ledger.Renew(_nowUs, LeaseUs, compute.Owner, compute.Epoch);

    private void Write(Compute compute)
    {
        if (compute.Grants.Count == 0)
            return;
        var (node, incarnation, region) = compute.Grants[_random.Below(compute.Grants.Count)];
        if (node.Incarnation != incarnation)
            return;
        _random.Fill(_bytes.View.AsSpan<byte>()[..16]);
        var at = new FragmentRange(region, 2048UL * (ulong)_random.Below(4), 2048, new Generation(++_generation));
        var status = node.Store.Write(at, compute.Owner, compute.Epoch, _bytes.View, Crc32C.Compute(_bytes.View));
        if (status != WireStatus.Done)
        {
            Refused++;
            Assert.True(IsEnded(compute), $"a process whose lease holds was refused: {status}");
            return;
        }
        Accepted++;
        Assert.Equal(compute.Owner, _granted[(node.Id, incarnation, region)]);
    }

    private void Expire(Directory directory)
    {
        while (directory.Ledger.TryFindExpired(_nowUs, out var owner))
        {
            if (!Append(directory, directory.Ledger.EndLease(owner)))
                return;
        }
        foreach (var node in _nodes)
            TakeBack(directory, node);
    }

    private void TakeBack(Directory directory, StoreNode node)
    {
        foreach (var region in directory.Ledger.Regions.Where(region => region.Node == node.Id && region.Incarnation != node.Incarnation).ToList())
            Append(directory, directory.Ledger.DropRegion(region.Id));
        foreach (var (owner, epoch) in directory.Ledger.ToFence(node.Id).ToList())
        {
            if (!node.Term.Accept(directory.Ledger.Term))
                return;
            node.Store.Fence(owner, epoch, reclaim: true);
            foreach (var region in directory.Ledger.Regions.Where(region => region.Owner == owner && region.Node == node.Id).ToList())
                Append(directory, directory.Ledger.DropRegion(region.Id));
        }
    }

    /// <summary>A replaced directory that does not know it: the nodes refuse its term, the store its lines.</summary>
    private void ActStale()
    {
        if (_directories.Count < 2)
            return;
        var stale = _directories[_random.Below(_directories.Count - 1)];
        Assert.False(Append(stale, "term 1"));
        foreach (var node in _nodes)
            Assert.False(node.Term.Accept(stale.Ledger.Term));
        StaleRefused++;
    }

    /// <summary>Everybody alive renews, the dead are forgotten: what nodes hold is what the ledger says, and grants still serve.</summary>
    private void Mend()
    {
        foreach (var compute in _computes.Where(compute => compute.IsStopped))
            compute.IsFenced = true;
        _nowUs += 1;
        var last = _nowUs + 3 * LeaseUs;
        for (; _nowUs < last; _nowUs += LeaseUs / 2)
        {
            foreach (var compute in _computes.Where(compute => !compute.IsFenced))
                compute.IsFenced |= !Acting.Ledger.Renew(_nowUs, LeaseUs, compute.Owner, compute.Epoch);
            Expire(Acting);
        }
        foreach (var node in _nodes)
        {
            var owned = Acting.Ledger.Regions.Where(region => region.Node == node.Id).ToList();
            Assert.All(owned, region => Assert.Equal(node.Incarnation, region.Incarnation));
            Assert.True(node.Store.RegionCount <= owned.Count, "a node keeps a region that nobody owns");
        }
        foreach (var compute in _computes)
        {
            foreach (var (node, incarnation, region) in compute.Grants.Where(grant => grant.Node.Incarnation == grant.Incarnation))
            {
                var at = new FragmentRange(region, 0, 2048, new Generation(++_generation));
                var status = node.Store.Write(at, compute.Owner, compute.Epoch, _bytes.View, 0);
                Assert.Equal(!compute.IsFenced, status == WireStatus.Done);
            }
        }
    }

    private sealed class Directory(RegionLedger ledger)
    {
        public RegionLedger Ledger { get; } = ledger;
    }

    private sealed class Compute(ComputeId owner, Epoch epoch)
    {
        public ComputeId Owner { get; } = owner;

        public Epoch Epoch { get; } = epoch;

        public bool IsStopped { get; set; }

        public bool IsFenced { get; set; }

        public List<(StoreNode Node, Incarnation Incarnation, RegionId Region)> Grants { get; } = [];
    }

    private sealed class StoreNode(NodeId id)
    {
        public NodeId Id { get; } = id;

        public Incarnation Incarnation { get; private set; } = new(1);

        public NodeStore Store { get; private set; } = Open(id, new Incarnation(1));

        public DirectoryTerm Term { get; private set; } = new();

        public void Restart()
        {
            Store.Dispose();
            Incarnation = new Incarnation(Incarnation.Value + 1);
            Store = Open(Id, Incarnation);
        }

        private static NodeStore Open(NodeId id, Incarnation incarnation) => new(id, incarnation, 6 * (RegionBytes + (1 << 20)), shared: false);
    }
}
