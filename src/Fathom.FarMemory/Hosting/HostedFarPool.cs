using System.Diagnostics;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Placement;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.SpanSets;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;
using Fathom.Memory;
using Microsoft.Extensions.Logging;

namespace Fathom.FarMemory.Hosting;

/// <summary>A pool on real memory nodes: drives the state machine with the clock, its transports and the region directory.</summary>
/// <remarks>
/// Any thread may call. One lock makes every step of the machine; whoever has an event steps it on its own thread, so a reply costs
/// no hand-over. Sums of fragments and reads of healthy spans run outside of the lock. Locks are taken in the order: this one, then
/// those of the transport.
/// </remarks>
public sealed class HostedFarPool : IFarPool, IDirectoryListener, IAsyncDisposable
{
    private const int IdleWaitersMax = 256;
    private static readonly TimeSpan MeetTime = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly FarPoolOptions _options;
    private readonly DirectoryFollower _directory;
    private readonly ILogger _logger;
    private readonly NodeAddresses _addresses = new();
    private readonly PoolMachine _machine;
    private readonly NodeTransport _transport;
    private readonly Stack<ReadWaiter> _idleReads = new();
    private readonly Stack<WriteWaiter> _idleWrites = new();
    private readonly List<PoolAction> _running = [];
    private readonly Queue<(NodeRequest Request, NodeReply Reply)> _atOnce = new();
    private readonly Queue<CombineWork> _combines = new();
    private readonly Queue<NodeId> _regionsToAsk = new();
    private readonly Queue<NodeId> _regionsToRelease = new();
    private readonly AutoResetEvent _wake = new(false);
    private readonly Thread _timer;
    private readonly ComputeId _owner;
    private readonly Queue<SpanId> _lost = new();
    private long _plannedTickUs;
    private bool _closed;
    private Action<SpanId>? _spanLost;

    private HostedFarPool(FarPoolOptions options, IDirectoryCalls calls, DirectoryLease lease, ILogger logger, NetworkShape? shape)
    {
        _options = options;
        _logger = logger;
        _directory = new DirectoryFollower(calls, lease, this);
        _owner = lease.Owner;
        _machine = new PoolMachine(options, lease.Owner, lease.Epoch);
        _transport = new NodeTransport(_addresses, lease.Owner, Deliver, shape);
        _timer = new Thread(RunTimers) { IsBackground = true, Name = "far memory pool" };
        _timer.Start();
        _directory.Start(MeetTime);
        logger.PoolOpened(lease.Owner.Value, lease.Epoch.Value, options.Scheme);
    }

    /// <summary>A span whose bytes exist nowhere reachable any more; each is told once. Called with no lock held.</summary>
    public event Action<SpanId> SpanLost
    {
        add => _spanLost += value;
        remove => _spanLost -= value;
    }

    /// <inheritdoc/>
    public int SpansPerSet => _options.Scheme == RedundancyScheme.ErasureBatch ? _options.DataFragments : 1;

    /// <inheritdoc/>
    public PoolCounters Counters
    {
        get
        {
            lock (_gate)
                return _machine.Counters;
        }
    }

    /// <summary>Who carries compactions; can be changed while the pool runs.</summary>
    public CompactionMode Compaction
    {
        get
        {
            lock (_gate)
                return _machine.Compaction;
        }
        set
        {
            lock (_gate)
                _machine.Compaction = value;
        }
    }

    private static long NowUs => (long)(Stopwatch.GetTimestamp() * (1_000_000.0 / Stopwatch.Frequency));

    /// <summary>Opens a pool over the nodes of a directory in this process.</summary>
    /// <param name="options">How spans are kept safe.</param>
    /// <param name="directory">Stays the caller's, and outlives the pool.</param>
    /// <param name="logger">Where events of nodes go.</param>
    /// <param name="shape">A network to emulate, for benchmarks.</param>
    public static HostedFarPool Open(FarPoolOptions options, RegionDirectory directory, ILogger logger, NetworkShape? shape = null) =>
        Open(options, new LocalDirectoryCalls(directory), new NodeEndpoint(TransportKind.Unix, "this process"), logger, shape);

    /// <summary>Opens a pool over the nodes of a directory that is a process of its own.</summary>
    /// <param name="options">How spans are kept safe.</param>
    /// <param name="directory">Where it listens.</param>
    /// <param name="logger">Where events of nodes go.</param>
    /// <exception cref="NodeConnectionException">The directory cannot be reached.</exception>
    public static HostedFarPool Open(FarPoolOptions options, NodeEndpoint directory, ILogger logger) =>
        Open(options, new DirectoryClient(directory), directory, logger, shape: null);

    private static HostedFarPool Open(FarPoolOptions options, IDirectoryCalls calls, NodeEndpoint directory, ILogger logger, NetworkShape? shape)
    {
        options.Validate();
        if (calls.TryOpen(out var lease))
            return new HostedFarPool(options, calls, lease, logger, shape);
        calls.Dispose();
        throw new NodeConnectionException(directory, FrameFault.Network, 0);
    }

    /// <inheritdoc/>
    public ReadOutcome ReadSpan(SpanId span, NativeView destination, TimeSpan timeout)
    {
        if (TryReadDirect(span, destination, timeout, out var outcome))
            return outcome;
        var waiter = RentRead();
        waiter.Reset(isBlocking: true);
        Start(waiter, span, destination, timeout);
        outcome = waiter.Wait();
        Return(waiter);
        return outcome;
    }

    /// <inheritdoc/>
    public ValueTask<ReadOutcome> ReadSpanAsync(SpanId span, NativeView destination, TimeSpan timeout, CancellationToken cancellation = default)
    {
        if (cancellation.IsCancellationRequested)
            return new ValueTask<ReadOutcome>(new ReadOutcome(ReadStatus.Cancelled));
        var waiter = RentRead();
        waiter.Reset(isBlocking: false);
        waiter.Watch(CancelRead, cancellation);
        var task = waiter.AsTask();
        Start(waiter, span, destination, timeout);
        return task;
    }

    /// <inheritdoc/>
    public ValueTask<WriteOutcome> WriteSpanSetAsync(
        ReadOnlyMemory<SpanImage> spans, Memory<SpanId> ids, TimeSpan timeout, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(spans.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(spans.Length, SpansPerSet);
        ArgumentOutOfRangeException.ThrowIfLessThan(ids.Length, spans.Length);
        if (cancellation.IsCancellationRequested)
            return new ValueTask<WriteOutcome>(new WriteOutcome(WriteStatus.Cancelled));
        var waiter = RentWrite();
        SpanEncoding.Fill(waiter, _machine.Core.Code, _options.Scheme, spans.Span);
        waiter.Ids = ids;
        waiter.Reset(isBlocking: false);
        waiter.Watch(CancelWrite, cancellation);
        var task = waiter.AsTask();
        lock (_gate)
        {
            waiter.Write.Waiter = waiter;
            waiter.Write.DeadlineUs = NowUs + (long)timeout.TotalMicroseconds;
            if (_closed)
                waiter.Complete(new WriteOutcome(WriteStatus.Cancelled));
            else
                _machine.StartWrite(NowUs, waiter.Write);
            Settle();
        }
        RunDeferred();
        return task;
    }

    /// <inheritdoc/>
    public void Release(SpanId span)
    {
        lock (_gate)
        {
            if (_closed)
                return;
            _machine.Release(NowUs, span);
            Settle();
        }
        RunDeferred();
    }

    /// <summary>Ends the lease and closes every connection; whoever still waits gets a cancelled outcome.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (_closed)
                return;
            _closed = true;
        }
        _wake.Set();
        await Task.Run(_timer.Join);
        _transport.Dispose();
        // With no transport every request has had its reply; operations still waiting end by their deadlines, here at once.
        lock (_gate)
        {
            _machine.Tick(long.MaxValue / 2);
            Settle();
        }
        await Task.Run(_directory.Dispose);
        _machine.Dispose();
        foreach (var waiter in _idleWrites)
            waiter.Dispose();
        foreach (var waiter in _idleReads)
            waiter.Dispose();
        _wake.Dispose();
    }

    void IDirectoryListener.OnNodeUp(NodeId node, NodeEndpoint endpoint, Incarnation incarnation)
    {
        _addresses.Set(node, endpoint);
        Step(machine => machine.OnNodeUp(NowUs, node, incarnation));
    }

    void IDirectoryListener.OnNodeDown(NodeId node)
    {
        _logger.NodeDown(node.Value);
        Step(machine => machine.OnNodeDown(NowUs, node));
    }

    void IDirectoryListener.OnNodeDraining(NodeId node) => Step(machine => machine.OnNodeDraining(NowUs, node));

    void IDirectoryListener.OnGrant(RegionGrant grant) => Step(machine => machine.OnGrant(NowUs, grant));

    void IDirectoryListener.OnGrantRefused(NodeId node) => Step(machine => machine.OnGrantRefused(NowUs, node));

    void IDirectoryListener.OnFenced()
    {
        _logger.LeaseLost(_owner.Value);
        Step(machine => machine.OnFenced(NowUs));
    }

    PoolReport IDirectoryListener.Report()
    {
        lock (_gate)
        {
            var core = _machine.Core;
            return new PoolReport(_owner.Value, core.Tally.LiveBytes, core.Table.SetCount, core.Rebuilds.Count);
        }
    }

    internal void Return(ReadWaiter waiter)
    {
        lock (_gate)
        {
            if (_idleReads.Count < IdleWaitersMax)
            {
                _idleReads.Push(waiter);
                return;
            }
        }
        waiter.Dispose();
    }

    internal void Return(WriteWaiter waiter)
    {
        lock (_gate)
        {
            if (_idleWrites.Count < IdleWaitersMax)
            {
                _idleWrites.Push(waiter);
                return;
            }
        }
        waiter.Dispose();
    }

    private ReadWaiter RentRead()
    {
        lock (_gate)
            return _idleReads.TryPop(out var waiter) ? waiter : new ReadWaiter(this, _machine.Core);
    }

    private WriteWaiter RentWrite()
    {
        lock (_gate)
            return _idleWrites.TryPop(out var waiter) ? waiter : new WriteWaiter(this, _machine.Core);
    }

    /// <summary>The shortest way: look the places up, read and decode on this thread. Anything but the right bytes is left to the state machine.</summary>
    private bool TryReadDirect(SpanId span, NativeView destination, TimeSpan timeout, out ReadOutcome outcome)
    {
        outcome = default;
        var read = default(DirectSpanRead);
        lock (_gate)
        {
            if (_closed || !read.TryPlan(_machine.Core, span, destination))
                return false;
        }
        var within = Math.Min(timeout.TotalMicroseconds, _options.HedgeAfterUs);
        _transport.Read(read.Parts, FrameSocket.DeadlineAfter(TimeSpan.FromMicroseconds(within)));
        var isGood = read.TryFinish(_machine.Core.Code);
        lock (_gate)
            read.End(_machine.Core, isGood);
        outcome = new ReadOutcome(ReadStatus.Read, read.LengthBytes, read.IsDegraded);
        return isGood;
    }

    private void Start(ReadWaiter waiter, SpanId span, NativeView destination, TimeSpan timeout)
    {
        lock (_gate)
        {
            waiter.Read.Span = span;
            waiter.Read.Destination = destination;
            waiter.Read.Waiter = waiter;
            waiter.Read.DeadlineUs = NowUs + (long)timeout.TotalMicroseconds;
            if (_closed)
                waiter.Complete(new ReadOutcome(ReadStatus.Cancelled));
            else
                _machine.StartRead(NowUs, waiter.Read);
            Settle();
        }
        RunDeferred();
    }

    private void CancelRead(object? state)
    {
        var waiter = (ReadWaiter)state!;
        lock (_gate)
        {
            if (!waiter.Read.IsComplete && !_closed)
                _machine.StopRead(NowUs, waiter.Read, ReadStatus.Cancelled);
            Settle();
        }
        RunDeferred();
    }

    private void CancelWrite(object? state)
    {
        var waiter = (WriteWaiter)state!;
        lock (_gate)
        {
            if (!waiter.Write.IsComplete && !_closed)
                _machine.StopWrite(NowUs, waiter.Write, WriteStatus.Cancelled);
            Settle();
        }
        RunDeferred();
    }

    private void Step(Action<PoolMachine> step)
    {
        lock (_gate)
        {
            if (_closed)
                return;
            step(_machine);
            Settle();
        }
        RunDeferred();
    }

    /// <summary>A reply from the transport, on its receiving thread.</summary>
    private void Deliver(NodeRequest request, RequestId id, NodeReply reply)
    {
        lock (_gate)
        {
            // The machine keeps the object until it has heard of it, so it is still the same request.
            Invariant.Check(request.Id == id);
            _machine.OnReply(NowUs, request, reply);
            Settle();
        }
        RunDeferred();
    }

    /// <summary>Carries out what the machine asked for; replies that are there at once are its next events. The lock is held.</summary>
    private void Settle()
    {
        do
        {
            while (_machine.Actions.Count > 0)
            {
                _running.AddRange(_machine.Actions);
                _machine.Actions.Clear();
                foreach (var action in _running)
                    CarryOut(action);
                _running.Clear();
            }
            if (_atOnce.TryDequeue(out var answered))
                _machine.OnReply(NowUs, answered.Request, answered.Reply);
        }
        while (_machine.Actions.Count > 0 || _atOnce.Count > 0);
        if (_machine.NextTickUs < _plannedTickUs)
            _wake.Set();
    }

    private void CarryOut(in PoolAction action)
    {
        switch (action.Kind)
        {
            case PoolActionKind.Send:
                if (_transport.Send(action.Request!, out var reply))
                    _atOnce.Enqueue((action.Request!, reply));
                break;
            case PoolActionKind.Cancel:
                if (_transport.Forget(action.Request!))
                    _machine.OnForgotten(action.Request!);
                break;
            case PoolActionKind.Combine:
                _combines.Enqueue(action.Combine!);
                break;
            case PoolActionKind.CompleteRead:
                var read = (SpanRead)action.Operation!;
                ((ReadWaiter)read.Waiter!).Complete(read.Outcome);
                break;
            case PoolActionKind.CompleteWrite:
                var write = (SwapOut)action.Operation!;
                var waiter = (WriteWaiter)write.Waiter!;
                if (write.Outcome.IsWritten)
                    write.Ids.AsSpan(0, write.SpanCount).CopyTo(waiter.Ids.Span);
                waiter.Complete(write.Outcome);
                break;
            case PoolActionKind.AskRegion:
                _regionsToAsk.Enqueue(action.Node);
                break;
            case PoolActionKind.Drained:
                _regionsToRelease.Enqueue(action.Node);
                break;
            case PoolActionKind.SpanLost:
                _lost.Enqueue(action.Span);
                break;
        }
    }

    /// <summary>What must not run under the lock: sums over bytes, calls to the directory and to listeners.</summary>
    private void RunDeferred()
    {
        while (true)
        {
            CombineWork? work;
            NodeId node = default;
            SpanId lost = default;
            bool isAsk, isRelease = false, isLost = false;
            lock (_gate)
            {
                isAsk = !_combines.TryDequeue(out work) && _regionsToAsk.TryDequeue(out node);
                isRelease = work is null && !isAsk && _regionsToRelease.TryDequeue(out node);
                isLost = work is null && !isAsk && !isRelease && _lost.TryDequeue(out lost);
            }
            if (work is not null)
            {
                var checksum = work.Run();
                lock (_gate)
                {
                    _machine.OnCombined(NowUs, work, checksum);
                    Settle();
                }
            }
            else if (isAsk)
            {
                _directory.AskRegion(node);
            }
            else if (isRelease)
            {
                _directory.ReleaseRegions(node);
            }
            else if (isLost)
            {
                _spanLost?.Invoke(lost);
            }
            else
            {
                return;
            }
        }
    }

    private void RunTimers()
    {
        while (true)
        {
            long waitUs;
            lock (_gate)
            {
                if (_closed)
                    return;
                if (_machine.NextTickUs <= NowUs)
                {
                    _machine.Tick(NowUs);
                    Settle();
                }
                _plannedTickUs = _machine.NextTickUs;
                waitUs = _plannedTickUs - NowUs;
            }
            RunDeferred();
            if (waitUs > 0)
                _wake.WaitOne((int)Math.Clamp((waitUs + 999) / 1000, 1, 1000));
        }
    }
}
