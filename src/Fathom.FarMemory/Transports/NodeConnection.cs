using System.Diagnostics;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.Transports;

/// <summary>
/// All ways from one compute process to one node: the pipelined channel, another for requests that make the node wait for its peers,
/// links for threads that wait themselves, mapped regions.
/// </summary>
/// <remarks>
/// Owned by <see cref="NodeTransport"/>. Any thread may call. At most <see cref="LinksMax"/> links exist; a thread that finds none
/// takes the channel's way. After a failed attempt to connect the next one waits <see cref="PauseMs"/>.
/// </remarks>
internal sealed class NodeConnection : IDisposable
{
    private const int LinksMax = 32;
    private const int PauseMs = 50;

    private readonly NodeEndpoint _endpoint;
    private readonly CallerIdentity _caller;
    private readonly NodeChannel _channel;
    private readonly NodeChannel _peerWork;
    private readonly MappedRegions? _mapped;
    private readonly Lock _lock = new();
    private readonly Stack<NodeLink> _idle = new(LinksMax);
    private int _links;
    private long _connectAfter;
    private bool _closed;

    public NodeConnection(
        NodeEndpoint endpoint, CallerIdentity caller, NodeAddresses nodes, Action<NodeRequest, RequestId, NodeReply> deliver)
    {
        _endpoint = endpoint;
        _caller = caller;
        var mapped = endpoint.Transport == TransportKind.SharedMemory && SharedMapping.IsSupported ? new MappedRegions(endpoint, caller) : null;
        _mapped = mapped;
        _channel = new NodeChannel(endpoint, caller, nodes, deliver)
        {
            Connected = incarnation => mapped?.Follow(incarnation),
            Disconnected = () => mapped?.Follow(default),
        };
        _channel.Start();
        // A connection has one request in work: a batch of rebuilds must not hold up the writes behind it.
        _peerWork = new NodeChannel(endpoint, caller, nodes, deliver);
        _peerWork.Start();
    }

    public NodeEndpoint Endpoint => _endpoint;

    /// <summary>Sends for the pool's state machine; true when the reply is there already.</summary>
    public bool Send(NodeRequest request, out NodeReply reply) =>
        (_mapped is not null && _mapped.TryRun(request, out reply)) || ChannelOf(request).Send(request, out reply);

    public bool Forget(NodeRequest request) => ChannelOf(request).Forget(request);

    /// <summary>Begins to read a fragment on the calling thread.</summary>
    /// <param name="read">What to read; carries the link, or the outcome when mapped memory gave it at once.</param>
    /// <param name="deadline">Point in time from <see cref="FrameSocket.DeadlineAfter"/>.</param>
    /// <remarks>Allocates nothing once its links exist. Every read that began must end.</remarks>
    public void Begin(ref DirectRead read, long deadline)
    {
        read.Outcome = DirectReadOutcome.Failed;
        if (_mapped is not null && _mapped.TryRead(read.From, read.Incarnation, read.Epoch, read.Destination, out var reply))
        {
            read.Checksum = reply.Checksum;
            read.Outcome = reply.IsDone ? DirectReadOutcome.Done : DirectReadOutcome.Failed;
            return;
        }
        if (!TryRent(deadline, out var link))
            return;
        var frame = new FrameHeader
        {
            Kind = MessageKind.Read,
            Incarnation = read.Incarnation.Value,
            Epoch = read.Epoch.Value,
            Region = read.From.Region.Value,
            Offset = read.From.Offset,
            Length = read.From.Length,
            Generation = read.From.Generation.Value,
        };
        if (link.Begin(ref frame, default, deadline) == FrameFault.None)
        {
            read.Link = link;
            read.Outcome = DirectReadOutcome.UnderWay;
            return;
        }
        Return(link);
    }

    /// <summary>Waits for a read that <see cref="Begin"/> left under way.</summary>
    public void End(ref DirectRead read, long deadline)
    {
        if (read.Link is not { } link)
            return;
        read.Link = null;
        var frame = default(FrameHeader);
        var fault = link.End(ref frame, read.Destination, deadline, out var received);
        Return(link);
        read.Checksum = frame.PayloadChecksum;
        var isAnswered = fault is FrameFault.None or FrameFault.PayloadChecksum;
        read.Outcome = isAnswered && frame.Status == WireStatus.Done && received == read.From.Length ? DirectReadOutcome.Done
            : fault == FrameFault.Deadline ? DirectReadOutcome.Slow
            : DirectReadOutcome.Failed;
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _closed = true;
            foreach (var link in _idle)
                link.Dispose();
            _idle.Clear();
        }
        _channel.Dispose();
        _peerWork.Dispose();
        _mapped?.Dispose();
    }

    private NodeChannel ChannelOf(NodeRequest request) => request.Operation is NodeOperation.Pull or NodeOperation.SendDelta ? _peerWork : _channel;

    private bool TryRent(long deadline, out NodeLink link)
    {
        lock (_lock)
        {
            if (_idle.TryPop(out link!))
                return true;
            if (_closed || _links >= LinksMax || Stopwatch.GetTimestamp() < _connectAfter)
                return false;
            _links++;
        }
        try
        {
            link = NodeLink.Connect(_endpoint, _caller, deadline);
            return true;
        }
        catch (NodeConnectionException)
        {
            lock (_lock)
            {
                _links--;
                _connectAfter = Stopwatch.GetTimestamp() + PauseMs * Stopwatch.Frequency / 1000;
            }
            return false; // the channel to the same node reports what is wrong with it
        }
    }

    private void Return(NodeLink link)
    {
        lock (_lock)
        {
            if (!link.IsBroken && !_closed)
            {
                _idle.Push(link);
                return;
            }
            _links--;
            if (link.IsBroken)
            {
                // One broken link tells of the node, not of itself: the others would each cost a deadline to find out.
                _connectAfter = Stopwatch.GetTimestamp() + PauseMs * Stopwatch.Frequency / 1000;
                while (_idle.TryPop(out var other))
                {
                    other.Dispose();
                    _links--;
                }
            }
        }
        link.Dispose();
    }
}
