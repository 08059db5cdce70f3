using System.Diagnostics;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Membership;
using Fathom.FarMemory.Placement;
using Microsoft.Extensions.Logging;

namespace Fathom.FarMemory.Hosting;

/// <summary>
/// The region directory (the paper's memory manager) at work: drives the ledger with a clock, a journal and the nodes. In a compute
/// process's own process, or as one of its own behind <see cref="DirectoryServer"/>.
/// </summary>
/// <remarks>
/// Owned by its process. Any thread may call. One lock guards ledger and journal; calls to nodes are made outside of it. Two
/// directories over one state file cannot run at once; over the nodes alone, the one with the higher term is obeyed.
/// </remarks>
public sealed class RegionDirectory : IAsyncDisposable
{
    private readonly RegionDirectoryOptions _options;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly RegionLedger _ledger;
    private readonly ILedgerStore? _store;
    private readonly Dictionary<ComputeId, PoolReport> _reports = [];
    private readonly NodeSteward[] _stewards;
    private readonly Timer _expiry;

    private RegionDirectory(RegionDirectoryOptions options, RegionLedger ledger, ILedgerStore? store, ILogger logger)
    {
        _options = options;
        _logger = logger;
        _ledger = ledger;
        _store = store;
        Write(_ledger.BeginTerm());
        _ledger.GiveGrace(NowUs, LeaseUs);
        _stewards = [.. options.Nodes.Select((endpoint, index) => new NodeSteward(this, options, new NodeId((ushort)(index + 1)), endpoint, logger))];
        foreach (var steward in _stewards)
            steward.Start();
        _expiry = new Timer(_ => Expire(), null, options.HeartbeatInterval, options.HeartbeatInterval);
    }

    /// <summary>Outranks every directory before it.</summary>
    public ulong Term => _ledger.Term;

    /// <summary>Regions allotted now.</summary>
    public int RegionCount
    {
        get
        {
            lock (_lock)
                return _ledger.Regions.Count;
        }
    }

    private static long NowUs => (long)(Stopwatch.GetTimestamp() * (1_000_000.0 / Stopwatch.Frequency));

    private long LeaseUs => (long)_options.LeaseTime.TotalMicroseconds;

    /// <summary>Takes over: reads the state file, if there is one, and begins to watch the nodes.</summary>
    /// <exception cref="LedgerException">The state file is damaged or in use.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static RegionDirectory Start(RegionDirectoryOptions options, ILogger logger)
    {
        options.Validate();
        var ledger = new RegionLedger();
        return Start(options, ledger, options.StatePath is { } path ? LedgerJournal.Open(path, ledger) : null, logger);
    }

    /// <summary>Takes over a ledger that has its lines from a store; null keeps it in memory alone.</summary>
    internal static RegionDirectory Start(RegionDirectoryOptions options, RegionLedger ledger, ILedgerStore? store, ILogger logger) =>
        new(options, ledger, store, logger);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _expiry.DisposeAsync();
        await Task.Run(() => Array.ForEach(_stewards, steward => steward.Dispose()));
        lock (_lock)
            _store?.Dispose();
    }

    /// <summary>All nodes, by id.</summary>
    public IReadOnlyList<NodeReport> Report() => [.. _stewards.Select(steward => steward.Report)];

    /// <summary>Pools whose lease holds.</summary>
    public IReadOnlyList<PoolReport> PoolReports()
    {
        lock (_lock)
            return [.. _reports.Values.OrderBy(report => report.Owner)];
    }

    internal IReadOnlyList<DirectoryNode> Nodes => [.. _stewards.Select(steward => steward.Node)];

    /// <summary>Another directory has taken over: this one answers nothing any more.</summary>
    internal bool IsReplaced { get; private set; }

    internal bool TryOpen(out DirectoryLease lease)
    {
        lock (_lock)
        {
            var isKept = Write(_ledger.OpenLease(NowUs, LeaseUs, out var owner, out var epoch));
            lease = new DirectoryLease(owner, epoch);
            return isKept;
        }
    }

    internal DirectoryView Poll(DirectoryLease lease, in PoolReport report)
    {
        lock (_lock)
        {
            if (!_ledger.Renew(NowUs, LeaseUs, lease.Owner, lease.Epoch))
                return new DirectoryView(IsFenced: true, []);
            _reports[lease.Owner] = report;
        }
        return new DirectoryView(IsFenced: false, Nodes);
    }

    internal bool TryAllot(DirectoryLease lease, NodeId id, out RegionGrant grant)
    {
        grant = default;
        if (Find(id) is not { } steward || steward.Node is not { State: DirectoryNodeState.Up } node)
            return false;
        LedgerRegion region;
        lock (_lock)
        {
            if (_ledger.PlanRegion(lease.Owner, lease.Epoch, id, node.Incarnation, _options.RegionBytes, out region) is not { } line)
                return false;
            if (!Write(line))
                return false;
        }
        if (steward.TryRegister(region, lease.Epoch))
        {
            grant = new RegionGrant(region.Id, id, region.Incarnation, lease.Epoch, region.Bytes);
            return true;
        }
        // The node may have registered it without our hearing of that: the id is free only when the node says so.
        Drop(steward, region, lease.Epoch);
        return false;
    }

    internal void Release(DirectoryLease lease, NodeId id)
    {
        if (Find(id) is not { } steward)
            return;
        foreach (var region in RegionsOf(region => region.Owner == lease.Owner && region.Node == id))
            Drop(steward, region, lease.Epoch);
    }

    internal void Close(DirectoryLease lease)
    {
        lock (_lock)
        {
            Write(_ledger.EndLease(lease.Owner));
            _reports.Remove(lease.Owner);
        }
        foreach (var steward in _stewards)
            TakeBack(steward);
    }

    /// <summary>A node answers under a new life: what its earlier ones had is gone.</summary>
    internal void ForgetLives(NodeId node, Incarnation present)
    {
        lock (_lock)
        {
            foreach (var region in _ledger.Regions.Where(region => region.Node == node && region.Incarnation != present).ToList())
                Write(_ledger.DropRegion(region.Id));
        }
    }

    /// <summary>Fences ended leases on a node and takes their regions back; tried again with each heartbeat until the node has heard.</summary>
    internal void TakeBack(NodeSteward steward)
    {
        var node = steward.Node;
        if (node.State is not (DirectoryNodeState.Up or DirectoryNodeState.Draining))
            return;
        List<(ComputeId Owner, Epoch Epoch)> ended;
        lock (_lock)
            ended = [.. _ledger.ToFence(node.Id)];
        foreach (var (owner, epoch) in ended)
        {
            if (!steward.TryReclaim(owner, epoch))
                continue;
            lock (_lock)
            {
                foreach (var region in _ledger.Regions.Where(region => region.Owner == owner && region.Node == node.Id && region.Incarnation == node.Incarnation).ToList())
                    Write(_ledger.DropRegion(region.Id));
            }
        }
    }

    private void Drop(NodeSteward steward, LedgerRegion region, Epoch epoch)
    {
        if (!steward.TryRelease(region, epoch))
            return; // stays in the ledger until its lease ends or the node loses it
        lock (_lock)
            Write(_ledger.DropRegion(region.Id));
    }

    private List<LedgerRegion> RegionsOf(Func<LedgerRegion, bool> which)
    {
        lock (_lock)
            return [.. _ledger.Regions.Where(which)];
    }

    private NodeSteward? Find(NodeId id) => id.Value >= 1 && id.Value <= _stewards.Length ? _stewards[id.Value - 1] : null;

    private void Expire()
    {
        lock (_lock)
        {
            while (_ledger.TryFindExpired(NowUs, out var owner))
            {
                _logger.LeaseExpired(owner.Value);
                Write(_ledger.EndLease(owner));
                _reports.Remove(owner);
            }
        }
    }

    /// <returns>False when the store belongs to another directory now. The ledger here is then ahead of it and not used again.</returns>
    private bool Write(string? line)
    {
        IsReplaced |= line is not null && _store is not null && !_store.TryAppend(line);
        return !IsReplaced;
    }
}
