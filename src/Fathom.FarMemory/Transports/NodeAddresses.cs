using System.Collections.Concurrent;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;

namespace Fathom.FarMemory.Transports;

/// <summary>Where each node of the pool listens, as the region directory last said. Any thread may call.</summary>
internal sealed class NodeAddresses
{
    private readonly ConcurrentDictionary<NodeId, (NodeEndpoint Endpoint, string Text)> _nodes = new();

    public void Set(NodeId node, NodeEndpoint endpoint) => _nodes[node] = (endpoint, endpoint.ToString());

    public NodeEndpoint? Find(NodeId node) => _nodes.TryGetValue(node, out var found) ? found.Endpoint : null;

    /// <summary>The text form; empty for an unknown node, which no peer can reach.</summary>
    public string TextOf(NodeId node) => _nodes.TryGetValue(node, out var found) ? found.Text : "";

    public PeerName NameOf(NodeId node, Incarnation incarnation) => new(TextOf(node), incarnation);
}
