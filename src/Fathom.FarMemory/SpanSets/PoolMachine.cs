using Fathom.FarMemory.Compaction;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Placement;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Transports;

namespace Fathom.FarMemory.SpanSets;

/// <summary>
/// The compute side of far memory as a deterministic state machine: events in, <see cref="Actions"/> out. No thread, lock, clock or
/// byte of a span inside; the hosted pool and the simulation drive the same class.
/// </summary>
/// <remarks>
/// One thread at a time. After every event the host carries out the actions in order and clears them; an action that completes on
/// the spot is another event, after the list. <see cref="Tick"/> runs at <see cref="NextTickUs"/> at the latest.
/// </remarks>
internal sealed class PoolMachine : IDisposable
{
    /// <summary>Smallest piece of a region that a fragment takes: a quarter of the smallest span, which splitting stores on one node.</summary>
    public const int GranuleBytes = 2048;

    private const long MaintenanceUs = 1_000;
    private const long RegionRetryUs = 100_000;

    private readonly PoolCore _core;
    private readonly List<CompactionTransaction> _compactions = [];
    private long _maintenanceDueUs;
    private CompactionMode _mode;

    /// <param name="options">Checked here.</param>
    /// <param name="owner">This process, as the directory knows it.</param>
    /// <param name="epoch">Fencing epoch of its lease.</param>
    public PoolMachine(FarPoolOptions options, ComputeId owner, Epoch epoch)
    {
        _core = new PoolCore(options, owner, epoch, GranuleBytes);
        _mode = options.Compaction;
    }

    /// <summary>What the host has to do, in order.</summary>
    public List<PoolAction> Actions => _core.Actions;

    /// <summary>Tables and counters, for hosts, tests and checkers.</summary>
    public PoolCore Core => _core;

    /// <summary>Who carries compactions. A change holds for those that start later; those under way end as they began.</summary>
    public CompactionMode Compaction
    {
        get => _mode;
        set => _mode = value;
    }

    /// <summary>Compactions under way.</summary>
    public int CompactionsActive => _compactions.Count;

    public PoolCounters Counters => _core.Tally.Snapshot(_core.AllocatedBytes, _core.Rebuilds.Count, _core.Rebuilds.SpansWaiting);

    /// <summary>When <see cref="Tick"/> must run.</summary>
    public long NextTickUs => Math.Min(_core.NextTimerUs, _maintenanceDueUs);

    public void StartRead(long nowUs, SpanRead read)
    {
        _core.NowUs = nowUs;
        read.Start();
    }

    public void StartWrite(long nowUs, SwapOut write)
    {
        _core.NowUs = nowUs;
        write.Start();
    }

    public void StopRead(long nowUs, SpanRead read, ReadStatus status)
    {
        _core.NowUs = nowUs;
        read.Stop(status);
    }

    public void StopWrite(long nowUs, SwapOut write, WriteStatus status)
    {
        _core.NowUs = nowUs;
        write.Stop(status);
    }

    /// <summary>The span's bytes are dead from now on; they stay members of their code word.</summary>
    public void Release(long nowUs, SpanId span)
    {
        _core.NowUs = nowUs;
        if (!_core.Table.TryGet(span, out var set, out var slot, out var lengthBytes))
            return;
        _core.Table.RemoveSpan(span);
        set.SetDead(slot);
        _core.Tally.LiveBytes -= lengthBytes;
        _core.Tally.DeadBytes += set.FragmentBytes;
        _core.Changed(set);
        StartCompactions(mayBePartial: false);
    }

    /// <summary>A request has its answer; the host no longer holds it.</summary>
    public void OnReply(long nowUs, NodeRequest request, in NodeReply reply)
    {
        _core.NowUs = nowUs;
        _core.Deliver(request, reply);
        EndCompactions();
    }

    /// <summary>The host no longer holds a cancelled request.</summary>
    public void OnForgotten(NodeRequest request) => _core.Land(request);

    /// <summary>A sum is computed.</summary>
    public void OnCombined(long nowUs, CombineWork work, uint checksum)
    {
        _core.NowUs = nowUs;
        work.Issuer!.OnCombined(work, checksum);
        _core.Recycle(work);
        EndCompactions();
    }

    /// <summary>The directory allotted a region, which its node has registered.</summary>
    public void OnGrant(long nowUs, RegionGrant grant)
    {
        _core.NowUs = nowUs;
        var node = _core.Roster.Get(grant.Node);
        node.IsRegionAsked = false;
        List(node, grant.Incarnation);
        if (node.Incarnation.Value < grant.Incarnation.Value)
            _core.Health.Meet(node, grant.Incarnation);
        // A grant from a life of the node that has ended meanwhile.
        if (node.Incarnation == grant.Incarnation && !node.Regions.Exists(region => region.Grant.Region == grant.Region))
            _core.Roster.Add(grant);
    }

    /// <summary>The directory has no room for this process on that node now.</summary>
    public void OnGrantRefused(long nowUs, NodeId id)
    {
        _core.NowUs = nowUs;
        var node = _core.Roster.Get(id);
        node.IsRegionAsked = false;
        node.RegionRefusedUntilUs = nowUs + RegionRetryUs;
    }

    /// <summary>The directory says that a node is there, under this incarnation.</summary>
    public void OnNodeUp(long nowUs, NodeId id, Incarnation incarnation)
    {
        _core.NowUs = nowUs;
        var node = _core.Roster.Get(id);
        List(node, incarnation);
        if (node.Incarnation != incarnation)
            _core.Health.Meet(node, incarnation);
    }

    /// <summary>The directory says that a node is dead.</summary>
    public void OnNodeDown(long nowUs, NodeId id)
    {
        _core.NowUs = nowUs;
        _core.Health.Down(_core.Roster.Get(id));
    }

    /// <summary>The node wants to leave: nothing new goes there, reads go on, everything there is moved.</summary>
    public void OnNodeDraining(long nowUs, NodeId id)
    {
        _core.NowUs = nowUs;
        var node = _core.Roster.Get(id);
        if (!node.IsDraining)
            _core.Health.Drain(node);
    }

    /// <summary>The lease of this process is gone.</summary>
    public void OnFenced(long nowUs)
    {
        _core.NowUs = nowUs;
        _core.Fence();
    }

    /// <summary>Runs timers and, each millisecond, health, recovery, compaction and scrubbing.</summary>
    public void Tick(long nowUs)
    {
        _core.NowUs = nowUs;
        _core.RunTimers();
        EndCompactions();
        if (nowUs < _maintenanceDueUs)
            return;
        _maintenanceDueUs = nowUs + MaintenanceUs;
        if (_core.IsFenced)
            return;
        _core.Health.Tick();
        CancelStaleCompactions();
        _core.Rebuilds.Tick();
        _core.Scrubber.Tick();
        _core.Cool();
        StartCompactions(mayBePartial: _core.Tally.DeadBytes > _core.AllocatedBytes * _core.Options.DeadShareMax);
        _core.FlushFrees();
        ReportDrained();
    }

    public void Dispose() => _core.Dispose();

    /// <summary>The directory has met this life of the node: what it refused before says nothing about it.</summary>
    private static void List(FarNode node, Incarnation incarnation)
    {
        if (node.ListedIncarnation.Value >= incarnation.Value)
            return;
        node.ListedIncarnation = incarnation;
        node.RegionRefusedUntilUs = 0;
    }

    private void StartCompactions(bool mayBePartial)
    {
        while (_mode != CompactionMode.Off && !_core.IsFenced && _compactions.Count < _core.Options.CompactionsMax)
        {
            if (!_core.Holes.TryPick(mayBePartial, out var survivor, out var donor))
                return;
            var transaction = new CompactionTransaction(_core, survivor, donor, _mode);
            transaction.Start();
            if (!transaction.IsDone)
                _compactions.Add(transaction);
        }
    }

    private void EndCompactions()
    {
        if (_compactions.RemoveAll(transaction => transaction.IsDone) > 0)
            StartCompactions(mayBePartial: false);
    }

    /// <summary>A node that a compaction involves is no longer counted on: the compaction is cancelled, as recovery may need its sets.</summary>
    private void CancelStaleCompactions()
    {
        foreach (var transaction in _compactions)
        {
            if (!transaction.IsIntact())
                transaction.Abort();
        }
        EndCompactions();
    }

    private void ReportDrained()
    {
        foreach (var node in _core.Roster.Nodes)
        {
            if (!node.IsDraining || node.IsDrained || !_core.Rebuilds.IsIdle || node.Regions.Exists(region => !region.IsUnused))
                continue;
            node.IsDrained = true;
            Actions.Add(new PoolAction(PoolActionKind.Drained, Node: node.Id));
        }
    }
}
