using System.Collections.Concurrent;
using Fathom.FarMemory.Identity;

namespace Fathom.FarMemory.Transports;

/// <summary>The real transport of a pool: sockets and mapped memory to the nodes that the directory names.</summary>
/// <remarks>Owned by the pool's host; any thread may call. Replies are delivered on the receiving threads.</remarks>
internal sealed class NodeTransport : INodeTransport, IDisposable
{
    private const long FrameBytes = Wire.FrameHeader.Bytes;

    private readonly NodeAddresses _nodes;
    private readonly CallerIdentity _caller;
    private readonly Action<NodeRequest, RequestId, NodeReply> _deliver;
    private readonly ConcurrentDictionary<NodeId, NodeConnection> _connections = new();
    private readonly Lock _opening = new();
    private readonly ShapedLinks? _links;
    private readonly DelayedReplies? _delayed;
    private readonly ConcurrentDictionary<RequestId, long> _answerAt = new();
    private bool _closed;

    /// <param name="nodes">Where nodes listen.</param>
    /// <param name="owner">The compute process.</param>
    /// <param name="deliver">Takes replies; called on any thread, with no lock held.</param>
    /// <param name="shape">A network to emulate, or null for the one there is.</param>
    public NodeTransport(NodeAddresses nodes, ComputeId owner, Action<NodeRequest, RequestId, NodeReply> deliver, NetworkShape? shape = null)
    {
        _nodes = nodes;
        _caller = new CallerIdentity(CallerRole.Compute, owner.Value);
        _deliver = deliver;
        if (shape is null)
            return;
        _links = new ShapedLinks(shape);
        _delayed = new DelayedReplies(deliver);
        _deliver = DeliverLater;
    }

    public bool Send(NodeRequest request, out NodeReply reply)
    {
        if (!Volatile.Read(ref _closed) && Find(request.Node) is { } connection)
            return _links is null ? connection.Send(request, out reply) : SendShaped(connection, request, out reply);
        reply = new NodeReply(default, NodeFault.Unreachable);
        return true;
    }

    void INodeTransport.Cancel(NodeRequest request) => Forget(request);

    /// <summary>Forgets a request, as the interface says.</summary>
    /// <returns>Whether it was still held here; false when its reply is on its way to the host.</returns>
    public bool Forget(NodeRequest request)
    {
        var isHeld = _connections.TryGetValue(request.Node, out var connection) && connection.Forget(request);
        if (isHeld)
            _answerAt.TryRemove(request.Id, out _);
        return isHeld;
    }

    /// <summary>Reads fragments on the calling thread, all of them under way at once.</summary>
    /// <param name="reads">Which fragments; receive checksums and outcomes.</param>
    /// <param name="deadline">Point in time from <see cref="Wire.FrameSocket.DeadlineAfter"/>.</param>
    public void Read(Span<DirectRead> reads, long deadline)
    {
        var arrival = 0L;
        foreach (ref var read in reads)
        {
            if (_links is not null)
                arrival = Math.Max(arrival, _links.AnswerAt(read.Node, read.From.Length + 2 * FrameBytes));
            read.Connection = Find(read.Node);
            if (read.Connection is { } connection)
                connection.Begin(ref read, deadline);
            else
                read.Outcome = DirectReadOutcome.Failed;
        }
        foreach (ref var read in reads)
            read.Connection?.End(ref read, deadline);
        if (_links is not null)
            PreciseWait.Until(arrival);
    }

    public void Dispose()
    {
        lock (_opening)
            _closed = true;
        foreach (var connection in _connections.Values)
            connection.Dispose();
        _delayed?.Dispose();
    }

    private bool SendShaped(NodeConnection connection, NodeRequest request, out NodeReply reply)
    {
        var bytes = request.Payload.Length + request.Destination.Length + 2 * FrameBytes;
        // What nodes send each other on this request's behalf takes room on the links at both ends of it.
        foreach (var target in request.Targets)
            _ = _links!.AnswerAt(target.Node, request.At.Length);
        bytes += (long)request.At.Length * request.Targets.Length;
        foreach (var pull in request.Pulls)
        {
            foreach (var source in pull.Sources)
                _ = _links!.AnswerAt(source.Node, source.At.Length);
            bytes += (long)pull.Target.Length * pull.Sources.Length;
        }
        var at = _links!.AnswerAt(request.Node, bytes);
        _answerAt[request.Id] = at;
        if (connection.Send(request, out reply))
            DeliverLater(request, request.Id, reply);
        return false;
    }

    private void DeliverLater(NodeRequest request, RequestId id, NodeReply reply)
    {
        _answerAt.TryRemove(id, out var at);
        _delayed!.Add(request, id, reply, at);
    }

    private NodeConnection? Find(NodeId node)
    {
        if (_nodes.Find(node) is not { } endpoint)
            return null;
        if (_connections.TryGetValue(node, out var connection) && connection.Endpoint == endpoint)
            return connection;
        lock (_opening)
        {
            if (_closed)
                return null;
            if (_connections.TryGetValue(node, out connection) && connection.Endpoint == endpoint)
                return connection;
            // The node has moved: what was in flight to its old address is failed by the old connection's end.
            var moved = connection;
            connection = _connections[node] = new NodeConnection(endpoint, _caller, _nodes, _deliver);
            if (moved is not null)
                ThreadPool.UnsafeQueueUserWorkItem(static old => old.Dispose(), moved, preferLocal: false);
            return connection;
        }
    }
}
