using System.Net.Sockets;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Wire;
using Fathom.Memory;
using Microsoft.Extensions.Logging;

namespace Fathom.FarMemory.Transports;

/// <summary>One connection's requests: from a request's header and payload to those of its answer. Owned by the connection's thread.</summary>
internal interface IFrameSession : IDisposable
{
    /// <param name="frame">The request; becomes the answer.</param>
    /// <param name="payload">Of the request, its checksum compared.</param>
    /// <param name="deadline">When the requester stops waiting.</param>
    /// <returns>The answer's payload, valid until the next request.</returns>
    NativeView Handle(ref FrameHeader frame, NativeView payload, long deadline);
}

/// <summary>Listens and serves frames, one blocking thread a connection.</summary>
/// <remarks>
/// Owned by a node or a directory server. A connection has one request in work and its caller waits for the answer or fills the
/// socket: that is the back-pressure. Blocking threads answer in half the time that the asynchronous sockets need.
/// </remarks>
internal sealed class FrameListener : IDisposable
{
    private static readonly TimeSpan FrameTime = TimeSpan.FromSeconds(10);

    private readonly NodeEndpoint _listen;
    private readonly Func<IFrameSession> _newSession;
    private readonly int _connectionsMax;
    private readonly ILogger _logger;
    private readonly Socket _listener;
    private readonly Lock _lock = new();
    private readonly HashSet<FrameSocket> _connections = [];
    private bool _stopped;

    private FrameListener(NodeEndpoint listen, NodeEndpoint endpoint, Socket listener, int connectionsMax, Func<IFrameSession> newSession, ILogger logger)
    {
        _listen = listen;
        Endpoint = endpoint;
        _listener = listener;
        _connectionsMax = connectionsMax;
        _newSession = newSession;
        _logger = logger;
    }

    /// <summary>Where it listens, with the port that the system chose.</summary>
    public NodeEndpoint Endpoint { get; }

    /// <exception cref="NodeConnectionException">The address cannot be listened on.</exception>
    public static FrameListener Start(NodeEndpoint listen, int connectionsMax, Func<IFrameSession> newSession, ILogger logger)
    {
        Socket? listener = null;
        try
        {
            if (listen.Transport != TransportKind.Tcp)
                File.Delete(listen.Address); // what a killed process left; a live one keeps its connections but gets no new ones
            var at = listen.ToEndPoint();
            listener = listen.CreateSocket(at);
            listener.Bind(at);
            listener.Listen(512);
            var endpoint = listener.LocalEndPoint is System.Net.IPEndPoint ip ? listen with { Address = ip.ToString() } : listen;
            var started = new FrameListener(listen, endpoint, listener, connectionsMax, newSession, logger);
            new Thread(started.AcceptAll) { IsBackground = true, Name = $"listener {endpoint}" }.Start();
            return started;
        }
        catch (Exception failure) when (failure is SocketException or IOException)
        {
            listener?.Dispose();
            throw new NodeConnectionException(listen, failure);
        }
    }

    /// <summary>Closes every connection at once.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_stopped)
                return;
            _stopped = true;
            _listener.Dispose();
            foreach (var connection in _connections)
                connection.Close();
        }
        if (_listen.Transport != TransportKind.Tcp)
            File.Delete(_listen.Address);
    }

    /// <summary>Ends every connection wherever it stands, inside frames too; new ones are taken.</summary>
    public void CutAll()
    {
        lock (_lock)
        {
            foreach (var connection in _connections)
                connection.Close();
        }
    }

    /// <summary>Makes the answer to a request that is not carried out.</summary>
    public static void Refuse(ref FrameHeader frame, WireStatus status)
    {
        frame.Status = status;
        frame.PayloadLength = 0;
        frame.PayloadChecksum = 0;
    }

    private void AcceptAll()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = _listener.Accept();
            }
            catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
            {
                if (Volatile.Read(ref _stopped))
                    return;
                _logger.AcceptFailed(failure);
                continue;
            }
            var connection = new FrameSocket(socket);
            lock (_lock)
            {
                if (_stopped || _connections.Count >= _connectionsMax)
                {
                    connection.Dispose();
                    continue;
                }
                _connections.Add(connection);
            }
            new Thread(() => Serve(connection)) { IsBackground = true, Name = "far memory connection" }.Start();
        }
    }

    private void Serve(FrameSocket connection)
    {
        using var session = _newSession();
        using var payloads = new GrowingBuffer();
        var fault = FrameFault.None;
        try
        {
            while (fault == FrameFault.None)
                fault = ServeOne(connection, session, payloads);
        }
        catch (ObjectDisposedException) when (Volatile.Read(ref _stopped))
        {
            fault = FrameFault.Closed; // stopped under a request
        }
        finally
        {
            lock (_lock)
                _connections.Remove(connection);
            connection.Dispose();
        }
        if (fault != FrameFault.Closed)
            _logger.ConnectionEnded(fault);
    }

    private static FrameFault ServeOne(FrameSocket connection, IFrameSession session, GrowingBuffer payloads)
    {
        var fault = connection.ReceiveHeader(out var frame, FrameSocket.DeadlineAfter(FrameTime));
        if (fault == FrameFault.Deadline && !connection.HasBuffered)
            return FrameFault.None; // idle, not stuck inside a frame
        if (fault == FrameFault.Version)
        {
            // The one answer that another version can read: mark, version, kind and status keep their places.
            var refusal = new FrameHeader { Kind = MessageKind.Hello, Status = WireStatus.VersionMismatch };
            _ = connection.Send(ref refusal, default, FrameSocket.DeadlineAfter(FrameTime));
        }
        if (fault != FrameFault.None)
            return fault;
        var deadline = FrameSocket.DeadlineAfter(TimeSpan.FromMicroseconds(frame.DeadlineUs));
        var payload = payloads.View(frame.PayloadLength);
        if (frame.PayloadLength > 0)
            fault = connection.ReceivePayload(frame, payload, FrameSocket.DeadlineAfter(FrameTime), out _);
        NativeView answer = default;
        if (fault == FrameFault.None)
            answer = session.Handle(ref frame, payload, deadline);
        else if (fault == FrameFault.PayloadChecksum)
            Refuse(ref frame, WireStatus.Corrupt); // the frame's borders are known: the connection stays
        else
            return fault;
        return connection.Send(ref frame, answer, FrameSocket.DeadlineAfter(FrameTime));
    }
}
