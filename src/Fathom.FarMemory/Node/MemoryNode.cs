using System.Security.Cryptography;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Transports;
using Microsoft.Extensions.Logging;

namespace Fathom.FarMemory.Node;

/// <summary>A memory node: listens, and carries out what comes. Owned by its process, or by a test.</summary>
public sealed class MemoryNode : IDisposable
{
    private readonly MemoryNodeOptions _options;
    private readonly ILogger _logger;
    private readonly NodeStore _store;
    private readonly PeerLinks _peers;
    private readonly DirectoryTerm _term = new();
    private readonly FrameListener _listener;

    private MemoryNode(MemoryNodeOptions options, ILogger logger)
    {
        _options = options;
        _logger = logger;
        // Later lives have greater numbers, and two that start in one microsecond different ones. Zero stands for "any" on the wire.
        var startedUs = (ulong)(TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMicroseconds;
        var incarnation = new Incarnation((startedUs << 10) | (uint)RandomNumberGenerator.GetInt32(1 << 10));
        _store = new NodeStore(options.Node, incarnation, options.CapacityBytes, shared: options.Listen.Transport == TransportKind.SharedMemory);
        _peers = new PeerLinks(options.Node);
        _listener = FrameListener.Start(options.Listen, options.ConnectionsMax, () => new NodeSession(_store, _peers, _term, options.AllowsFaults ? Disrupt : null), logger);
        logger.NodeStarted(options.Node.Value, Endpoint, options.CapacityBytes, incarnation.Value);
    }

    /// <summary>Where it listens, with the port that the system chose.</summary>
    public NodeEndpoint Endpoint => _listener.Endpoint;

    /// <summary>This life of it.</summary>
    public Incarnation Incarnation => _store.Incarnation;

    /// <summary>Regions that it holds now.</summary>
    public int RegionCount => _store.RegionCount;

    /// <summary>Bytes that it has registered.</summary>
    public long RegisteredBytes => _store.RegisteredBytes;

    /// <summary>Starts to listen.</summary>
    /// <exception cref="NodeConnectionException">The address cannot be listened on.</exception>
    /// <exception cref="PlatformNotSupportedException">Shared memory was asked for, and this system has none that fits.</exception>
    public static MemoryNode Start(MemoryNodeOptions options, ILogger logger) =>
        options.Listen.Transport == TransportKind.SharedMemory && !SharedMapping.IsSupported
            ? throw new PlatformNotSupportedException("Shared memory regions need Linux.")
            : new MemoryNode(options, logger);

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

    /// <summary>Fails on purpose: 1 cuts every connection, 2 flips bits in as many fragments as asked.</summary>
    private int Disrupt(uint what, int seed, int count)
    {
        if (what == 2)
            return _store.CorruptSome(seed, count);
        _listener.CutAll();
        return 0;
    }

    /// <summary>Stops at once: closes every connection and gives the memory back.</summary>
    public void Dispose()
    {
        _listener.Dispose();
        _peers.Dispose();
        _store.Dispose();
        _logger.NodeStopped(_options.Node.Value);
    }
}
