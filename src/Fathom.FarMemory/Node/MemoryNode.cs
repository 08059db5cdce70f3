using System.Net.Sockets;
using System.Security.Cryptography;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;
using Fathom.Memory;
using Microsoft.Extensions.Logging;

namespace Fathom.FarMemory.Node;

/// <summary>A memory node: listens, and carries out what comes, one blocking thread a connection.</summary>
/// <remarks>
/// Owned by its process, or by a test. A connection has one request in work and its caller waits for the answer or fills the
/// socket: that is the back-pressure. Blocking threads answer in half the time that the asynchronous sockets need here.
/// </remarks>
public sealed class MemoryNode : IDisposable
{
    private static readonly TimeSpan FrameTime = TimeSpan.FromSeconds(10);

    private readonly MemoryNodeOptions _options;
    private readonly ILogger _logger;
    private readonly NodeStore _store;
    private readonly PeerLinks _peers;
    private readonly DirectoryTerm _term = new();
    private readonly Socket _listener;
    private readonly Lock _lock = new();
    private readonly HashSet<FrameSocket> _connections = [];
    private readonly Thread _acceptor;
    private bool _stopped;

    private MemoryNode(MemoryNodeOptions options, ILogger logger, Socket listener, NodeEndpoint endpoint)
    {
        _options = options;
        _logger = logger;
        _listener = listener;
        Endpoint = endpoint;
        // Later lives have greater numbers, and two that start in one microsecond different ones. Zero stands for "any" on the wire.
        var startedUs = (ulong)(TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMicroseconds;
        var incarnation = new Incarnation((startedUs << 10) | (uint)RandomNumberGenerator.GetInt32(1 << 10));
        _store = new NodeStore(options.Node, incarnation, options.CapacityBytes, shared: options.Listen.Transport == TransportKind.SharedMemory);
        _peers = new PeerLinks(options.Node);
        _acceptor = new Thread(AcceptAll) { IsBackground = true, Name = $"memory node {options.Node.Value}" };
    }

    /// <summary>Where it listens, with the port that the system chose.</summary>
    public NodeEndpoint Endpoint { get; }

    /// <summary>This life of it.</summary>
    public Incarnation Incarnation => _store.Incarnation;

    /// <summary>Regions that it holds now.</summary>
    public int RegionCount => _store.RegionCount;

    /// <summary>Bytes that it has registered.</summary>
    public long RegisteredBytes => _store.RegisteredBytes;

    /// <summary>Starts to listen.</summary>
    /// <exception cref="NodeConnectionException">The address cannot be listened on.</exception>
    public static MemoryNode Start(MemoryNodeOptions options, ILogger logger)
    {
        var listen = options.Listen;
        if (listen.Transport == TransportKind.SharedMemory && !SharedMapping.IsSupported)
            throw new PlatformNotSupportedException("Shared memory regions need Linux.");
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
            var node = new MemoryNode(options, logger, listener, endpoint);
            node._acceptor.Start();
            logger.NodeStarted(options.Node.Value, endpoint, options.CapacityBytes, node.Incarnation.Value);
            return node;
        }
        catch (Exception failure) when (failure is SocketException or IOException)
        {
            listener?.Dispose();
            throw new NodeConnectionException(listen, failure);
        }
    }

    /// <summary>Takes nothing new from now on, and completes when every region has been moved away or the time for it is over.</summary>
    /// <returns>Whether it is empty.</returns>
    public async Task<bool> DrainAsync(TimeProvider time, CancellationToken cancellation)
    {
        _store.Drain();
        _logger.NodeDrains(_options.Node.Value, _store.RegionCount);
        var start = time.GetTimestamp();
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(50), time);
        while (_store.RegionCount > 0 && time.GetElapsedTime(start) < _options.DrainTime)
            await look.WaitForNextTickAsync(cancellation);
        return _store.RegionCount == 0;
    }

    /// <summary>Stops at once: closes every connection and gives the memory back.</summary>
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
        _peers.Dispose();
        _store.Dispose();
        if (_options.Listen.Transport != TransportKind.Tcp)
            File.Delete(_options.Listen.Address);
        _logger.NodeStopped(_options.Node.Value);
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
                if (_stopped || _connections.Count >= _options.ConnectionsMax)
                {
                    connection.Dispose();
                    continue;
                }
                _connections.Add(connection);
            }
            new Thread(() => Serve(connection)) { IsBackground = true, Name = "memory node connection" }.Start();
        }
    }

    private void Serve(FrameSocket connection)
    {
        using var session = new NodeSession(_store, _peers, _term);
        using var payloads = new GrowingBuffer();
        var fault = FrameFault.None;
        try
        {
            while (fault == FrameFault.None)
                fault = ServeOne(connection, session, payloads);
        }
        catch (ObjectDisposedException) when (Volatile.Read(ref _stopped))
        {
            fault = FrameFault.Closed; // the node stopped under a request
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

    private static FrameFault ServeOne(FrameSocket connection, NodeSession session, GrowingBuffer payloads)
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
            NodeSession.Refuse(ref frame, WireStatus.Corrupt); // the frame's borders are known: the connection stays
        else
            return fault;
        return connection.Send(ref frame, answer, FrameSocket.DeadlineAfter(FrameTime));
    }
}
