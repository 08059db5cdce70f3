using Fathom.FarMemory.Compaction;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Placement;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Recovery;
using Fathom.FarMemory.Transports;
using Fathom.Memory;

namespace Fathom.FarMemory.SpanSets;

/// <summary>What all operations of a pool share: its tables, requests in flight, timers, and the actions of the current step.</summary>
/// <remarks>Owned by <see cref="PoolMachine"/> and used only inside its steps. Knows no clock: <see cref="NowUs"/> is the step's.</remarks>
internal sealed class PoolCore : IDisposable
{
    private const int FreeBatchMax = 64;
    private const long IdleScratchBytesMax = 16 << 20;

    private readonly Stack<NodeRequest> _idleRequests = new();
    private readonly Stack<CombineWork> _idleCombines = new();
    private readonly PriorityQueue<TimerEntry, long> _timers = new();
    private readonly Dictionary<FarNode, List<FragmentRange>> _frees = [];
    private readonly Queue<SpanSet> _cooling = new();
    private readonly DiscardedReplies _discarded = new();
    private readonly int _granuleBytes;
    private ulong _lastRequest;
    private ulong _lastGeneration;
    private ulong _lastOperation;

    public PoolCore(FarPoolOptions options, ComputeId owner, Epoch epoch, int granuleBytes)
    {
        options.Validate();
        Options = options;
        Owner = owner;
        Epoch = epoch;
        Code = new FragmentCode(options);
        Roster = new NodeRoster(granuleBytes, options.ReserveShare);
        Health = new NodeWatch(this);
        Holes = new HoleIndex();
        Rebuilds = new RebuildQueue(this);
        Scrubber = new Scrubber(this);
        _granuleBytes = granuleBytes;
    }

    public FarPoolOptions Options { get; }

    public ComputeId Owner { get; }

    public Epoch Epoch { get; set; }

    public FragmentCode Code { get; }

    public NodeRoster Roster { get; }

    public NodeWatch Health { get; }

    public HoleIndex Holes { get; }

    public RebuildQueue Rebuilds { get; }

    public Scrubber Scrubber { get; }

    public SpanTable Table { get; } = new();

    public PoolTally Tally { get; } = new();

    public HedgeBudget Hedges { get; } = new();

    public FragmentBuffers Buffers { get; } = new(IdleScratchBytesMax);

    public List<PoolAction> Actions { get; } = [];

    /// <summary>Time of the current step, µs on any monotonic scale.</summary>
    public long NowUs { get; set; }

    /// <summary>The lease is gone and with it every region: nothing is sent any more.</summary>
    public bool IsFenced { get; private set; }

    /// <summary>When the next timer is due; <see cref="long.MaxValue"/> without one.</summary>
    public long NextTimerUs => _timers.TryPeek(out _, out var due) ? due : long.MaxValue;

    public long AllocatedBytes => Roster.UsedGranules * _granuleBytes;

    public Generation NextGeneration() => new(++_lastGeneration);

    public OperationId NextOperation() => new(++_lastOperation);

    public NodeRequest Prepare(NodeOperation operation, FarNode node, PoolOperation issuer, int slot)
    {
        var request = _idleRequests.TryPop(out var idle) ? idle : new NodeRequest();
        request.Id = new RequestId(++_lastRequest);
        request.Operation = operation;
        request.Node = node.Id;
        request.Incarnation = node.Incarnation;
        request.Owner = Owner;
        request.Epoch = Epoch;
        request.Issuer = issuer;
        request.Slot = slot;
        request.SentUs = NowUs;
        request.DueUs = 0;
        request.TimeoutUs = Options.RequestTimeoutUs;
        return request;
    }

    /// <summary>A request about a fragment, meant for the life of the node that took it.</summary>
    public NodeRequest Prepare(NodeOperation operation, in FragmentPlace place, PoolOperation issuer, int slot)
    {
        var request = Prepare(operation, place.Node, issuer, slot);
        request.Incarnation = place.Region.Grant.Incarnation;
        request.At = place.Range;
        return request;
    }

    /// <summary>Sends it; without an answer after <see cref="FarPoolOptions.RequestTimeoutUs"/> its issuer hears of that.</summary>
    public void SendTimed(NodeRequest request)
    {
        request.DueUs = NowUs + Options.RequestTimeoutUs;
        _timers.Enqueue(new TimerEntry(null, request, request.Id, request.DueUs), request.DueUs);
        Send(request);
    }

    /// <summary>Sends it; its issuer watches the time.</summary>
    public void Send(NodeRequest request) => Actions.Add(new PoolAction(PoolActionKind.Send, request));

    /// <summary>Stops waiting for a request. The host still holds it, until it says that it forgot it or comes with a late answer.</summary>
    public void Cancel(NodeRequest request)
    {
        request.Issuer = null;
        Actions.Add(new PoolAction(PoolActionKind.Cancel, request));
    }

    /// <summary>The host is done with a request.</summary>
    /// <returns>Whom the answer concerns, or null when nobody waits for it any more.</returns>
    public PoolOperation? Land(NodeRequest request)
    {
        var issuer = request.Issuer;
        request.Issuer = null;
        if (issuer is null)
            Recycle(request);
        return issuer;
    }

    public void Arm(PoolOperation operation, long dueUs)
    {
        if (operation.TimerDueUs == dueUs)
            return;
        // An entry that is no longer wanted stays behind; it finds another due time when its own comes.
        operation.TimerDueUs = dueUs;
        if (dueUs != 0)
            _timers.Enqueue(new TimerEntry(operation, null, default, dueUs), dueUs);
    }

    /// <summary>Runs what is due.</summary>
    public void RunTimers()
    {
        while (_timers.TryPeek(out var entry, out var due) && due <= NowUs)
        {
            _timers.Dequeue();
            if (entry.Operation is { } operation && operation.TimerDueUs == due)
            {
                operation.TimerDueUs = 0;
                operation.OnTimer();
            }
            else if (entry.Request is { } request && request.Id == entry.Id && request.Issuer is { } issuer && request.DueUs == due)
            {
                Cancel(request);
                var silence = new NodeReply(default, NodeFault.NoAnswer);
                Health.Note(request, silence);
                issuer.OnReply(request, silence);
            }
        }
    }

    /// <summary>Notes what an answer says about its node, then hands it to whoever waits for it.</summary>
    public void Deliver(NodeRequest request, in NodeReply reply)
    {
        Health.Note(request, reply);
        if (Land(request) is not { } issuer)
            return;
        issuer.OnReply(request, reply);
        Recycle(request);
    }

    public CombineWork PrepareCombine(PoolOperation issuer, int slot, NativeView target)
    {
        var work = _idleCombines.TryPop(out var idle) ? idle : new CombineWork(Math.Max(1, Code.DataFragments));
        work.Issuer = issuer;
        work.Slot = slot;
        work.Target = target;
        work.Count = 0;
        return work;
    }

    public void Send(CombineWork work) => Actions.Add(new PoolAction(PoolActionKind.Combine, Combine: work));

    public void Recycle(CombineWork work)
    {
        work.Issuer = null;
        _idleCombines.Push(work);
    }

    /// <summary>Gives a place back and tells its node some time.</summary>
    public void Free(in FragmentPlace place)
    {
        if (place.IsEmpty || place.Region.IsGone)
            return;
        Roster.Give(place);
        if (!_frees.TryGetValue(place.Node, out var ranges))
            _frees.Add(place.Node, ranges = []);
        ranges.Add(place.Range);
        if (ranges.Count >= FreeBatchMax)
            FlushFrees(place.Node, ranges);
    }

    public void FlushFrees()
    {
        foreach (var (node, ranges) in _frees)
            FlushFrees(node, ranges);
    }

    /// <summary>The set's state changed: it may be dead, in need of a rebuild, or a candidate for compaction.</summary>
    public void Changed(SpanSet set)
    {
        Holes.Remove(set);
        if (set.IsRemoved || set.Work != SetWork.None)
            return;
        if (set.IsDead)
        {
            Remove(set);
            return;
        }
        if (Options.Scheme != RedundancyScheme.ErasureBatch || Code.DataFragments == 1 || Code.ParityFragments == 0)
            return;
        if (set.CompactAfterUs <= NowUs)
        {
            Holes.Update(set);
        }
        else if (!set.IsCooling)
        {
            set.IsCooling = true;
            _cooling.Enqueue(set);
        }
    }

    /// <summary>Sets whose compaction failed become candidates again.</summary>
    public void Cool()
    {
        while (_cooling.TryPeek(out var set) && set.CompactAfterUs <= NowUs)
        {
            _cooling.Dequeue();
            set.IsCooling = false;
            Changed(set);
        }
    }

    /// <summary>Asks for a region on a node, unless one is on its way or was refused lately.</summary>
    public void AskRegion(FarNode node)
    {
        if (node.IsRegionAsked || !node.TakesWrites || NowUs < node.RegionRefusedUntilUs)
            return;
        node.IsRegionAsked = true;
        Actions.Add(new PoolAction(PoolActionKind.AskRegion, Node: node.Id));
    }

    public void Occupy(SpanSet set, SetWork work)
    {
        Invariant.Check(set.Work == SetWork.None && !set.IsRemoved);
        set.Work = work;
        Holes.Remove(set);
    }

    public void Vacate(SpanSet set)
    {
        set.Work = SetWork.None;
        Changed(set);
    }

    /// <summary>Takes a set out of the pool; its places go back, those that another set took over excepted.</summary>
    public void Remove(SpanSet set)
    {
        Holes.Remove(set);
        set.Version++;
        for (var slot = 0; slot < set.Slots; slot++)
        {
            if (slot < set.DataFragments && (set.DeadMask >> slot & 1) != 0)
                Tally.DeadBytes -= set.Places[slot].LengthBytes;
            Free(set.Places[slot]);
            set.Places[slot] = default;
        }
        Table.RemoveSet(set);
    }

    /// <summary>A fragment is not what it should be: it does not count until it is rebuilt.</summary>
    public void MarkDamaged(SpanSet set, int slot)
    {
        if (set.IsRemoved || set.IsZero(slot))
            return;
        set.Damaged |= 1UL << slot;
        Rebuilds.Enqueue(set);
    }

    /// <summary>A node refused this process as one whose lease has passed.</summary>
    public void Fence() => IsFenced = true;

    public void Dispose() => Buffers.Dispose();

    private void FlushFrees(FarNode node, List<FragmentRange> ranges)
    {
        if (ranges.Count == 0)
            return;
        if (node.Health != NodeHealth.Down && !IsFenced)
        {
            var request = Prepare(NodeOperation.Free, node, _discarded, 0);
            request.Ranges = [.. ranges];
            SendTimed(request);
        }
        ranges.Clear();
    }

    private void Recycle(NodeRequest request)
    {
        request.Payload = default;
        request.Destination = default;
        request.Targets = [];
        request.Pulls = [];
        request.Ranges = [];
        request.At = default;
        request.Other = default;
        _idleRequests.Push(request);
    }

    private readonly record struct TimerEntry(PoolOperation? Operation, NodeRequest? Request, RequestId Id, long DueUs);

    private sealed class DiscardedReplies : PoolOperation
    {
        public override void OnReply(NodeRequest request, in NodeReply reply)
        {
        }
    }
}
