using System.Diagnostics;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Transports;

/// <summary>One pipelined connection to a node: many requests in flight, answers in any order.</summary>
/// <remarks>
/// Owned by the pool's transport. Any thread may send and cancel. Two threads of its own: one connects and receives, one sends
/// what could not be sent at once. Frames wait in bounded memory; while the node cannot be reached a request fails at once,
/// and a new attempt to connect starts no sooner than the pause after the last. Only after a connection that had lasted the next
/// attempt may follow at once: it tells whether the process has ended or only the connection. Locks are taken in the order _sending, _lock,
/// and neither is held while a reply is delivered.
/// </remarks>
internal sealed class NodeChannel : IDisposable
{
    /// <summary>Frames beyond this many unanswered bytes go to the sending thread: less than what sockets hold, so that sending at once never waits.</summary>
    private const long InlineBytesMax = 96 << 10;

    /// <summary>What the system counts against a socket's buffer for a message, beside its bytes.</summary>
    private const long MessageOverheadBytes = 1024;

    private static readonly TimeSpan ConnectTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FrameTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan PauseMax = TimeSpan.FromMilliseconds(500);

    private readonly NodeEndpoint _endpoint;
    private readonly CallerIdentity _caller;
    private readonly NodeAddresses _nodes;
    private readonly Action<NodeRequest, RequestId, NodeReply> _deliver;
    private readonly Lock _lock = new();
    private readonly Lock _sending = new();
    private readonly Dictionary<ulong, InFlight> _inFlight = [];
    private readonly OutgoingFrames _outgoing = new(FrameHeader.PayloadBytesMax + (4L << 20));
    private readonly AutoResetEvent _sendWanted = new(false);
    private readonly ManualResetEventSlim _connectWanted = new(false);
    private readonly ManualResetEvent _closing = new(false);
    private readonly Thread _receiver;
    private readonly Thread _sender;
    private FrameSocket? _socket;
    private long _unansweredBytes;
    private bool _paused;
    private bool _closed;
    private NodeFault _lastFault = NodeFault.Unreachable;

    public NodeChannel(
        NodeEndpoint endpoint, in CallerIdentity caller, NodeAddresses nodes, Action<NodeRequest, RequestId, NodeReply> deliver)
    {
        _endpoint = endpoint;
        _caller = caller;
        _nodes = nodes;
        _deliver = deliver;
        _receiver = new Thread(ConnectAndReceive) { IsBackground = true, Name = $"receive from {endpoint}" };
        _sender = new Thread(SendWaiting) { IsBackground = true, Name = $"send to {endpoint}" };
    }

    /// <summary>Called on the receiving thread after each greeting, with the life of the node that answered.</summary>
    public Action<Incarnation>? Connected { get; init; }

    /// <summary>Called on the receiving thread when a connection has ended.</summary>
    public Action? Disconnected { get; init; }

    /// <summary>Starts its threads; it connects when the first request asks for it.</summary>
    public void Start()
    {
        _receiver.Start();
        _sender.Start();
    }

    /// <summary>Sends a request; true when it failed at once, with the reply that says so.</summary>
    public bool Send(NodeRequest request, out NodeReply reply)
    {
        reply = default;
        bool isInline;
        lock (_lock)
        {
            if (_closed || _paused)
            {
                reply = new NodeReply(default, _lastFault);
                return true;
            }
            var payloadBytes = RequestFrames.PayloadBytes(request, _nodes);
            var isTaken = payloadBytes <= FrameHeader.PayloadBytesMax && _outgoing.TryAdd((request, _nodes), payloadBytes, static (state, payload) =>
            {
                var header = RequestFrames.Write(state.request, state._nodes, payload);
                header.RequestId = state.request.Id.Value;
                return header;
            });
            if (!isTaken)
            {
                reply = new NodeReply(payloadBytes <= FrameHeader.PayloadBytesMax ? WireStatus.Busy : WireStatus.BadRequest);
                return true;
            }
            var bytes = FrameHeader.Bytes + payloadBytes + MessageOverheadBytes;
            _inFlight[request.Id.Value] = new InFlight(request, bytes);
            _unansweredBytes += bytes;
            isInline = _socket is not null && _unansweredBytes <= InlineBytesMax;
        }
        _connectWanted.Set();
        if (!isInline || !TryFlush())
            _sendWanted.Set();
        return false;
    }

    /// <summary>As <see cref="NodeTransport.Forget"/>. The frame may still stand in the socket, so it counts until its answer comes.</summary>
    public bool Forget(NodeRequest request)
    {
        lock (_lock)
        {
            var isHeld = _inFlight.TryGetValue(request.Id.Value, out var found) && found.Request is not null;
            if (isHeld)
                _inFlight[request.Id.Value] = found with { Request = null };
            return isHeld;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_closed)
                return;
            _closed = true;
            _socket?.Close();
        }
        _closing.Set();
        _connectWanted.Set();
        _sendWanted.Set();
        _receiver.Join();
        _sender.Join();
        _outgoing.Dispose();
        _connectWanted.Dispose();
        _sendWanted.Dispose();
        _closing.Dispose();
    }

    private bool TryFlush()
    {
        if (!_sending.TryEnter())
            return _outgoing.IsEmpty; // whoever sends now may have taken this frame or not: the sending thread looks again
        try
        {
            Flush();
            return true;
        }
        finally
        {
            _sending.Exit();
        }
    }

    private void Flush()
    {
        FrameSocket? socket;
        lock (_lock)
            socket = _socket;
        if (socket is null || _outgoing.IsEmpty)
            return;
        // A node that takes no bytes for so long has stopped: the receiving thread finds the connection ended and fails what waits.
        if (socket.SendWhole(_outgoing.TakeAll(), FrameSocket.DeadlineAfter(FrameTime)) != FrameFault.None)
            socket.Close();
    }

    private void SendWaiting()
    {
        while (!Volatile.Read(ref _closed))
        {
            _sendWanted.WaitOne();
            lock (_sending)
                Flush();
        }
    }

    private void ConnectAndReceive()
    {
        using var payloads = new GrowingBuffer();
        var pause = PauseMin;
        while (!Volatile.Read(ref _closed))
        {
            _connectWanted.Wait();
            if (TryConnect())
            {
                var start = Stopwatch.GetTimestamp();
                var socket = _socket!;
                _sendWanted.Set();
                while (ReceiveOne(socket, payloads))
                {
                    // until the connection ends
                }
                Disconnect(socket);
                Disconnected?.Invoke();
                pause = Stopwatch.GetElapsedTime(start) > PauseMax ? TimeSpan.Zero : PauseMin;
            }
            FailAll();
            Pause(pause);
            pause = pause == TimeSpan.Zero ? PauseMin : pause * 2 < PauseMax ? pause * 2 : PauseMax;
        }
    }

    private bool TryConnect()
    {
        try
        {
            var socket = NodeLink.Greet(_endpoint, _caller, FrameSocket.DeadlineAfter(ConnectTime), out var incarnation);
            lock (_lock)
            {
                if (_closed)
                {
                    socket.Dispose();
                    return false;
                }
                _socket = socket;
                _lastFault = NodeFault.Unreachable;
            }
            Connected?.Invoke(incarnation);
            return true;
        }
        catch (NodeConnectionException failure)
        {
            _lastFault = failure.IsRefused ? NodeFault.Refused
                : failure.Fault == FrameFault.Version || failure.Status == WireStatus.VersionMismatch ? NodeFault.Version
                : NodeFault.Unreachable;
            return false;
        }
    }

    private bool ReceiveOne(FrameSocket socket, GrowingBuffer payloads)
    {
        var fault = socket.ReceiveHeader(out var frame, FrameSocket.DeadlineAfter(FrameTime));
        if (fault != FrameFault.None)
            return fault == FrameFault.Deadline && !socket.HasBuffered; // idle, not stuck inside a frame
        var bytes = payloads.View(frame.PayloadLength);
        if (frame.PayloadLength > 0)
        {
            fault = socket.ReceivePayload(frame, bytes, FrameSocket.DeadlineAfter(FrameTime), out var checksum);
            // Whose bytes are wrong shows by this checksum, which the pool compares with its own table.
            frame.PayloadChecksum = checksum;
        }
        NodeRequest request;
        NodeReply reply;
        lock (_lock)
        {
            if (!Take(frame.RequestId, out request!))
                return fault is FrameFault.None or FrameFault.PayloadChecksum; // cancelled meanwhile
            if (fault is FrameFault.None or FrameFault.PayloadChecksum)
            {
                reply = RequestFrames.Reply(request, frame, bytes);
                var isBytes = request.Operation is NodeOperation.Read or NodeOperation.Delta;
                if (isBytes && reply.Status == WireStatus.Done && !TryCopy(bytes, request.Destination))
                    reply = reply with { Status = WireStatus.BadRequest };
            }
            else
            {
                reply = new NodeReply(default, NodeFault.Unreachable);
            }
        }
        _deliver(request, new RequestId(frame.RequestId), reply);
        return fault is FrameFault.None or FrameFault.PayloadChecksum;
    }

    private static bool TryCopy(NativeView from, NativeView to)
    {
        if (to.Length < from.Length)
            return false;
        from.AsSpan<byte>().CopyTo(to.AsSpan<byte>());
        return true;
    }

    private bool Take(ulong id, out NodeRequest? request)
    {
        bool isThere = _inFlight.Remove(id, out var found);
        request = found.Request;
        _unansweredBytes -= found.Bytes;
        return isThere && request is not null;
    }

    private void Disconnect(FrameSocket socket)
    {
        socket.Close();
        lock (_sending) // nobody is inside a send on it any more
        {
            lock (_lock)
                _socket = null;
            socket.Dispose();
        }
    }

    private void FailAll()
    {
        KeyValuePair<ulong, InFlight>[] failed;
        lock (_sending)
        {
            lock (_lock)
            {
                _paused = true;
                failed = [.. _inFlight];
                _inFlight.Clear();
                _unansweredBytes = 0;
                _outgoing.TakeAll(); // what waits was for the connection that ended
            }
        }
        foreach (var (id, entry) in failed)
        {
            if (entry.Request is { } request)
                _deliver(request, new RequestId(id), new NodeReply(default, _lastFault));
        }
    }

    private void Pause(TimeSpan time)
    {
        _closing.WaitOne(time);
        lock (_lock)
        {
            _paused = false;
            if (!_closed)
                _connectWanted.Reset(); // the next request asks for the next attempt
        }
    }

    /// <summary>A frame without an answer; its request is null once it was forgotten.</summary>
    private readonly record struct InFlight(NodeRequest? Request, long Bytes);
}
