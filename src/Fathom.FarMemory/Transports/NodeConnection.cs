using System.Diagnostics;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Transports;

/// <summary>All ways from one compute process to one node: the pipelined channel, links for threads that wait themselves, mapped regions.</summary>
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
    }

    public NodeEndpoint Endpoint => _endpoint;

    /// <summary>Sends for the pool's state machine; true when the reply is there already.</summary>
    public bool Send(NodeRequest request, out NodeReply reply) =>
        (_mapped is not null && _mapped.TryRun(request, out reply)) || _channel.Send(request, out reply);

    public void Cancel(NodeRequest request) => _channel.Cancel(request);

    /// <summary>Reads a fragment on the calling thread; false when that is not possible now and the state machine should do it.</summary>
    /// <param name="from">The fragment.</param>
    /// <param name="incarnation">The life of the node that holds it.</param>
    /// <param name="epoch">Fencing epoch of this process.</param>
    /// <param name="destination">Exactly as long as the fragment.</param>
    /// <param name="deadline">Point in time from <see cref="FrameSocket.DeadlineAfter"/>.</param>
    /// <param name="checksum">CRC32C of what arrived.</param>
    /// <remarks>Allocates nothing once its links exist.</remarks>
    public bool TryRead(in FragmentRange from, Incarnation incarnation, Epoch epoch, NativeView destination, long deadline, out uint checksum)
    {
        if (_mapped is not null && _mapped.TryRead(from, incarnation, epoch, destination, out var reply))
        {
            checksum = reply.Checksum;
            return reply.IsDone;
        }
        checksum = 0;
        if (!TryRent(deadline, out var link))
            return false;
        var frame = new FrameHeader
        {
            Kind = MessageKind.Read,
            Incarnation = incarnation.Value,
            Epoch = epoch.Value,
            Region = from.Region.Value,
            Offset = from.Offset,
            Length = from.Length,
            Generation = from.Generation.Value,
        };
        var fault = link.Call(ref frame, default, destination, deadline, out var received);
        Return(link);
        checksum = frame.PayloadChecksum;
        return fault is FrameFault.None or FrameFault.PayloadChecksum && frame.Status == WireStatus.Done && received == from.Length;
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
        _mapped?.Dispose();
    }

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
