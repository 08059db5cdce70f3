using System.Globalization;
using Fathom.FarMemory.Transports;

namespace Fathom.Cli.Commands.Memory;

/// <summary>Memory nodes on this machine, each a process of its own.</summary>
/// <remarks>Owned by a command; stopping it ends every process. One thread at a time.</remarks>
internal sealed class NodeCluster : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-memory").FullName;
    private readonly List<NodeProcess> _nodes = [];
    private readonly TransportKind _transport;
    private readonly long _capacityBytes;

    private NodeCluster(TransportKind transport, long capacityBytes)
    {
        _transport = transport;
        _capacityBytes = capacityBytes;
    }

    public IReadOnlyList<NodeProcess> Nodes => _nodes;

    /// <summary>A folder for sockets and state; gone with the cluster.</summary>
    public string Folder => _folder;

    public static async Task<NodeCluster> StartAsync(int nodes, TransportKind transport, long capacityBytes, CancellationToken cancellation)
    {
        var cluster = new NodeCluster(transport, capacityBytes);
        try
        {
            var starting = Enumerable.Range(1, nodes).Select(id => cluster.StartNode(id, null, cancellation)).ToList();
            foreach (var node in starting)
                cluster._nodes.Add(await node);
            return cluster;
        }
        catch
        {
            cluster.Dispose();
            throw;
        }
    }

    /// <summary>Starts the node at an index again, empty, where it was.</summary>
    public async Task RestartAsync(int index, CancellationToken cancellation)
    {
        var endpoint = _nodes[index].Endpoint;
        _nodes[index].Dispose();
        _nodes[index] = await StartNode(index + 1, endpoint, cancellation);
    }

    public void Dispose()
    {
        foreach (var node in _nodes)
            node.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private Task<NodeProcess> StartNode(int id, NodeEndpoint? endpoint, CancellationToken cancellation)
    {
        endpoint ??= new NodeEndpoint(_transport, _transport == TransportKind.Tcp ? "127.0.0.1:0" : Path.Combine(_folder, $"{id}.sock"));
        return NodeProcess.StartAsync(
            [
                "memory-node", "--listen", endpoint.ToString(), "--node", id.ToString(CultureInfo.InvariantCulture),
                "--capacity", _capacityBytes.ToString(CultureInfo.InvariantCulture), "--allow-faults", "--with-parent",
            ],
            cancellation);
    }
}
