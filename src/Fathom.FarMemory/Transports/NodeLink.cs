using System.Diagnostics;
using System.Net.Sockets;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Transports;

/// <summary>One connection to a node, one request at a time: the calling thread sends and waits itself, which is the shortest way there is.</summary>
/// <remarks>
/// One thread at a time. An answer that comes after its deadline is passed over by a later call, which knows it by its id; after any
/// other fault, or too many answers owed, the link is broken for good. Nothing is allocated per call.
/// </remarks>
internal sealed class NodeLink : IDisposable
{
    private const int OwedMax = 4;

    private readonly FrameSocket _socket;
    private ulong _lastRequest;
    private ulong _lastAnswer;

    private NodeLink(FrameSocket socket, NodeEndpoint endpoint)
    {
        _socket = socket;
        Endpoint = endpoint;
    }

    public NodeEndpoint Endpoint { get; }

    /// <summary>The life of the node's process that answered the greeting.</summary>
    public Incarnation Incarnation { get; private init; }

    /// <summary>Whether a call has failed on it.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Connects and greets.</summary>
    /// <exception cref="NodeConnectionException">Nobody answers there in time, or it is not a node of this version.</exception>
    public static NodeLink Connect(NodeEndpoint endpoint, in CallerIdentity caller, long deadline)
    {
        var socket = Greet(endpoint, caller, deadline, out var incarnation);
        return new NodeLink(socket, endpoint) { Incarnation = incarnation };
    }

    /// <summary>A connection whose greeting was answered.</summary>
    /// <exception cref="NodeConnectionException">Nobody answers there in time, or it is not a node of this version.</exception>
    public static FrameSocket Greet(NodeEndpoint endpoint, in CallerIdentity caller, long deadline, out Incarnation incarnation)
    {
        var link = new NodeLink(new FrameSocket(ConnectSocket(endpoint, deadline)), endpoint);
        var hello = new FrameHeader { Kind = MessageKind.Hello, Argument = caller.Id, Argument2 = (uint)caller.Role, Epoch = caller.Term };
        var fault = link.Call(ref hello, default, default, deadline, out _);
        incarnation = new Incarnation(hello.Incarnation);
        if (fault == FrameFault.None && hello.Status == WireStatus.Done)
            return link._socket;
        link.Dispose();
        throw fault != FrameFault.None ? new NodeConnectionException(endpoint, fault, hello.Version) : new NodeConnectionException(endpoint, hello.Status);
    }

    /// <summary>Sends a request and waits for its answer.</summary>
    /// <param name="frame">
    /// The request; becomes the answer's header, its payload checksum that of the bytes that arrived. With
    /// <see cref="FrameFault.Version"/> its version is the peer's.
    /// </param>
    /// <param name="payload">Of the request; its checksum stands in the frame.</param>
    /// <param name="destination">Receives the answer's payload; an answer that is longer breaks the link.</param>
    /// <param name="deadline">Point in time from <see cref="FrameSocket.DeadlineAfter"/>.</param>
    /// <param name="received">Bytes of the answer's payload.</param>
    /// <returns>
    /// <see cref="FrameFault.PayloadChecksum"/> leaves the link whole: the bytes themselves are not those that were stored.
    /// </returns>
    public FrameFault Call(ref FrameHeader frame, NativeView payload, NativeView destination, long deadline, out int received)
    {
        received = 0;
        var fault = Begin(ref frame, payload, deadline);
        return fault == FrameFault.None ? End(ref frame, destination, deadline, out received) : fault;
    }

    /// <summary>First half of <see cref="Call"/>: a thread that asks several nodes begins all calls before it ends the first.</summary>
    public FrameFault Begin(ref FrameHeader frame, NativeView payload, long deadline)
    {
        frame.RequestId = ++_lastRequest;
        frame.PayloadLength = (uint)payload.Length;
        frame.DeadlineUs = DeadlineUs(deadline);
        var fault = _socket.Send(ref frame, payload, deadline);
        IsBroken |= fault != FrameFault.None;
        return fault;
    }

    /// <summary>Second half of <see cref="Call"/>.</summary>
    public FrameFault End(ref FrameHeader frame, NativeView destination, long deadline, out int received)
    {
        received = 0;
        var fault = ReceiveLast(out frame, deadline);
        if (fault == FrameFault.Deadline && _lastRequest - _lastAnswer <= OwedMax)
            return fault; // the place in the stream is kept: between frames, or in a header that waits for its rest
        if (fault == FrameFault.None && frame.PayloadLength > destination.Length)
            fault = FrameFault.Field;
        if (fault == FrameFault.None && frame.PayloadLength > 0)
        {
            fault = _socket.ReceivePayload(frame, destination.Slice(0, frame.PayloadLength), deadline, out var checksum);
            frame.PayloadChecksum = checksum;
            received = (int)frame.PayloadLength;
        }
        IsBroken |= fault is not (FrameFault.None or FrameFault.PayloadChecksum);
        return fault;
    }

    /// <summary>The header of the last request's answer; earlier ones come too late for whoever asked.</summary>
    private FrameFault ReceiveLast(out FrameHeader frame, long deadline)
    {
        while (true)
        {
            var fault = _socket.ReceiveHeader(out frame, deadline);
            if (fault != FrameFault.None)
                return fault;
            if (frame.RequestId <= _lastAnswer || frame.RequestId > _lastRequest)
                return FrameFault.Field;
            _lastAnswer = frame.RequestId;
            if (frame.RequestId == _lastRequest)
                return FrameFault.None;
            fault = _socket.SkipPayload(frame, deadline);
            if (fault != FrameFault.None)
                return FrameFault.CutShort;
        }
    }

    /// <summary>Ends a call of another thread, and the link; its owner still disposes it.</summary>
    public void Break() => _socket.Close();

    public void Dispose()
    {
        IsBroken = true;
        _socket.Close();
        _socket.Dispose();
    }

    /// <summary>Time left as frames carry it.</summary>
    internal static uint DeadlineUs(long deadline)
    {
        if (deadline == FrameSocket.NoDeadline)
            return uint.MaxValue;
        var left = deadline - Stopwatch.GetTimestamp();
        return left <= 0 ? 0 : (uint)Math.Min(uint.MaxValue, left * 1_000_000L / Stopwatch.Frequency);
    }

    internal static Socket ConnectSocket(NodeEndpoint endpoint, long deadline)
    {
        Socket? socket = null;
        try
        {
            var at = endpoint.ToEndPoint();
            socket = endpoint.CreateSocket(at);
            var left = deadline == FrameSocket.NoDeadline ? TimeSpan.FromSeconds(30) : Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), deadline);
            if (left <= TimeSpan.Zero)
                throw new NodeConnectionException(endpoint, FrameFault.Deadline, 0);
            // A connect without a bound of its own would wait for the system's: minutes, when packets vanish. The socket stays
            // blocking: one that was ever made non-blocking waits through the slower asynchronous engine for the rest of its life.
            socket.SendTimeout = (int)Math.Ceiling(left.TotalMilliseconds);
            socket.Connect(at);
            return socket;
        }
        catch (Exception failure)
        {
            socket?.Dispose();
            if (failure is SocketException)
                throw new NodeConnectionException(endpoint, failure);
            throw;
        }
    }
}
