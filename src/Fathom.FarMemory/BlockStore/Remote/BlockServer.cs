using Fathom.FarMemory.Transports;
using Microsoft.Extensions.Logging;

namespace Fathom.FarMemory.BlockStore.Remote;

/// <summary>Lets other processes use the blocks of a store: what one of them stored, all of them find.</summary>
/// <remarks>Owned by its process; the store stays the caller's and must outlive it.</remarks>
public sealed class BlockServer : IDisposable
{
    private const int ConnectionsMax = 256;

    private readonly FrameListener _listener;

    private BlockServer(NodeEndpoint listen, FarBlockStore store, ILogger logger) =>
        _listener = FrameListener.Start(listen, ConnectionsMax, () => new BlockSession(store), logger);

    /// <summary>Where it listens, with the port that the system chose.</summary>
    public NodeEndpoint Endpoint => _listener.Endpoint;

    /// <summary>Starts to listen.</summary>
    /// <param name="listen">TCP or a Unix socket.</param>
    /// <param name="store">Whose blocks are served.</param>
    /// <param name="logger">Where connections that end badly are noted.</param>
    /// <exception cref="NodeConnectionException">The address cannot be listened on.</exception>
    public static BlockServer Start(NodeEndpoint listen, FarBlockStore store, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(listen);
        ArgumentNullException.ThrowIfNull(store);
        return new BlockServer(listen, store, logger);
    }

    /// <summary>Closes every connection at once.</summary>
    public void Dispose() => _listener.Dispose();
}
