using System.Diagnostics;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Membership;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;
using Microsoft.Extensions.Logging;

namespace Fathom.FarMemory.Hosting;

/// <summary>The directory's dealings with one node: heartbeats, and the orders to register, release and fence.</summary>
/// <remarks>Owned by <see cref="RegionDirectory"/>. Its own thread beats; any thread may give orders. One lock makes calls follow each other.</remarks>
internal sealed class NodeSteward : IDisposable
{
    private static readonly TimeSpan CallTime = TimeSpan.FromMilliseconds(300);

    private readonly RegionDirectory _directory;
    private readonly RegionDirectoryOptions _options;
    private readonly ILogger _logger;
    private readonly Lock _calling = new();
    private readonly ManualResetEvent _stop = new(false);
    private readonly Thread _thread;
    private NodeLink? _link;
    private long _lastAnswer = Stopwatch.GetTimestamp();
    private DirectoryNode _node;
    private string? _lastRefusal;
    private int _regions;
    private long _freeBytes;
    private long _capacityBytes;

    public NodeSteward(RegionDirectory directory, RegionDirectoryOptions options, NodeId id, NodeEndpoint endpoint, ILogger logger)
    {
        _directory = directory;
        _options = options;
        _logger = logger;
        _node = new DirectoryNode(id, endpoint, default, DirectoryNodeState.Unknown);
        _thread = new Thread(Watch) { IsBackground = true, Name = $"steward of node {id.Value}" };
    }

    /// <summary>As last seen.</summary>
    public DirectoryNode Node
    {
        get
        {
            lock (_stop)
                return _node;
        }
    }

    /// <summary>As last heard, for people.</summary>
    public NodeReport Report
    {
        get
        {
            lock (_stop)
            {
                var state = _node.State switch
                {
                    DirectoryNodeState.Up => "up",
                    DirectoryNodeState.Draining => "draining",
                    DirectoryNodeState.Down => "down",
                    _ => "unknown",
                };
                return new NodeReport(_node.Id.Value, state, _node.Endpoint, _regions, _capacityBytes - _freeBytes, _capacityBytes);
            }
        }
    }

    public void Start() => _thread.Start();

    /// <summary>Registers a region on the node's present life.</summary>
    public bool TryRegister(in LedgerRegion region, Epoch epoch)
    {
        var frame = new FrameHeader
        {
            Kind = MessageKind.AllotRegion,
            Incarnation = region.Incarnation.Value,
            Region = region.Id.Value,
            OperationId = region.Owner.Value,
            Epoch = epoch.Value,
            Argument = (ulong)region.Bytes,
        };
        return TryCall(ref frame) && frame.Status == WireStatus.Done;
    }

    /// <summary>Releases a region; true when the node no longer has it.</summary>
    public bool TryRelease(in LedgerRegion region, Epoch epoch)
    {
        var frame = new FrameHeader { Kind = MessageKind.ReleaseRegion, Incarnation = region.Incarnation.Value, Region = region.Id.Value, Epoch = epoch.Value };
        return TryCall(ref frame) && frame.Status is WireStatus.Done or WireStatus.WrongIncarnation;
    }

    /// <summary>Fences an owner and takes its regions back.</summary>
    public bool TryReclaim(ComputeId owner, Epoch epoch)
    {
        var frame = new FrameHeader { Kind = MessageKind.Fence, Argument = owner.Value, Argument2 = 1, Epoch = epoch.Value };
        return TryCall(ref frame) && frame.Status == WireStatus.Done;
    }

    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        lock (_calling)
        {
            _link?.Dispose();
            _link = null;
        }
        _stop.Dispose();
    }

    private void Watch()
    {
        do
        {
            Beat();
            _directory.TakeBack(this);
        }
        while (!_stop.WaitOne(_options.HeartbeatInterval));
    }

    private void Beat()
    {
        var frame = new FrameHeader { Kind = MessageKind.Heartbeat };
        if (TryCall(ref frame) && frame.Status == WireStatus.Done)
        {
            _lastAnswer = Stopwatch.GetTimestamp();
            lock (_stop)
            {
                _regions = (int)frame.Length;
                _freeBytes = (long)frame.Argument;
                _capacityBytes = (long)frame.Offset;
            }
            var state = frame.Argument2 != 0 ? DirectoryNodeState.Draining : DirectoryNodeState.Up;
            See(new Incarnation(frame.Incarnation), state);
            return;
        }
        if (Stopwatch.GetElapsedTime(_lastAnswer) >= _options.DownAfter)
            See(Node.Incarnation, DirectoryNodeState.Down);
    }

    private void See(Incarnation incarnation, DirectoryNodeState state)
    {
        DirectoryNode before;
        lock (_stop)
        {
            before = _node;
            _node = _node with { Incarnation = incarnation, State = state };
        }
        if (before.Incarnation != incarnation && incarnation.Value != 0)
        {
            _logger.NodeUp(before.Id.Value, before.Endpoint, incarnation.Value);
            _directory.ForgetLives(before.Id, incarnation);
        }
        else if (before.State != state && state == DirectoryNodeState.Down)
        {
            _logger.NodeDown(before.Id.Value);
        }
    }

    private bool TryCall(ref FrameHeader frame)
    {
        lock (_calling)
        {
            var deadline = FrameSocket.DeadlineAfter(CallTime);
            try
            {
                if (_link is null or { IsBroken: true })
                {
                    _link?.Dispose();
                    _link = null;
                    _link = NodeLink.Connect(Node.Endpoint, new CallerIdentity(CallerRole.Directory, Node.Id.Value, _directory.Term), deadline);
                    _lastRefusal = null;
                }
                return _link.Call(ref frame, default, default, deadline, out _) == FrameFault.None;
            }
            catch (NodeConnectionException failure)
            {
                // Told once for each reason: the next attempt comes with the next heartbeat.
                if (failure.Message != _lastRefusal)
                    _logger.NodeRefused(Node.Id.Value, Node.Endpoint, _lastRefusal = failure.Message);
                return false;
            }
        }
    }
}
