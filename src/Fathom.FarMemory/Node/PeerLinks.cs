using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Node;

/// <summary>A node's connections to other nodes, opened when first needed and kept for the next operation.</summary>
/// <remarks>
/// Any thread may call; a link serves one thread at a time and at most <see cref="IdlePerPeerMax"/> wait idle for each peer.
/// A peer that does not answer costs the caller no more than its own deadline.
/// </remarks>
internal sealed class PeerLinks(NodeId self) : IDisposable
{
    private const int IdlePerPeerMax = 4;
    private const int PeersMax = 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Stack<NodeLink>> _idle = [];
    private bool _closed;

    /// <summary>Reads a fragment of a peer and compares it with the checksum that it was stored under.</summary>
    public WireStatus Fetch(in PeerName peer, in FragmentRange from, NativeView destination, long deadline)
    {
        var frame = new FrameHeader
        {
            Kind = MessageKind.Read,
            Incarnation = peer.Incarnation.Value,
            Region = from.Region.Value,
            Offset = from.Offset,
            Length = from.Length,
            Generation = from.Generation.Value,
        };
        var status = Call(peer, ref frame, default, destination, deadline, out var received);
        return status == WireStatus.Done && received != destination.Length ? WireStatus.PeerFailed : status;
    }

    /// <summary>Sends a contribution with its preface to a parity node.</summary>
    public WireStatus SendParityUpdate(in PeerName peer, OperationId operation, Epoch epoch, NativeView contribution, long deadline)
    {
        var frame = new FrameHeader
        {
            Kind = MessageKind.ParityUpdate,
            Incarnation = peer.Incarnation.Value,
            OperationId = operation.Value,
            Epoch = epoch.Value,
            PayloadChecksum = Crc32C.Compute(contribution),
        };
        return Call(peer, ref frame, contribution, default, deadline, out _);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _closed = true;
            foreach (var link in _idle.Values.SelectMany(links => links))
                link.Dispose();
            _idle.Clear();
        }
    }

    private WireStatus Call(in PeerName peer, ref FrameHeader frame, NativeView payload, NativeView destination, long deadline, out int received)
    {
        received = 0;
        if (!TryRent(peer.Address, deadline, out var link))
            return WireStatus.PeerFailed;
        var fault = link.Call(ref frame, payload, destination, deadline, out received);
        Return(peer.Address, link);
        return fault switch
        {
            FrameFault.None => frame.Status,
            FrameFault.PayloadChecksum => WireStatus.Corrupt,
            FrameFault.Deadline => WireStatus.DeadlinePassed,
            _ => WireStatus.PeerFailed,
        };
    }

    private bool TryRent(string address, long deadline, out NodeLink link)
    {
        lock (_lock)
        {
            if (_idle.TryGetValue(address, out var idle) && idle.TryPop(out link!))
                return true;
        }
        try
        {
            link = NodeLink.Connect(NodeEndpoint.Parse(address), new CallerIdentity(CallerRole.Peer, self.Value), deadline);
            return true;
        }
        catch (Exception failure) when (failure is NodeConnectionException or FormatException)
        {
            link = null!;
            return false;
        }
    }

    private void Return(string address, NodeLink link)
    {
        lock (_lock)
        {
            if (!link.IsBroken && !_closed && (_idle.ContainsKey(address) || _idle.Count < PeersMax))
            {
                if (!_idle.TryGetValue(address, out var idle))
                    _idle.Add(address, idle = new Stack<NodeLink>());
                if (idle.Count < IdlePerPeerMax)
                {
                    idle.Push(link);
                    return;
                }
            }
        }
        link.Dispose();
    }
}
