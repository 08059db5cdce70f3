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

    /// <summary>Asks a peer for fragments; null when it cannot be reached. What began must end.</summary>
    public PeerCall? BeginReadMany(in PeerName peer, List<FragmentRange> from, long deadline)
    {
        if (!TryRent(peer.Address, deadline, out var link))
            return null;
        // One allocation a batch of rebuilds.
        using var payload = NativeBuffer.Allocate(ManyFragments.RequestBytes(from.Count));
        ManyFragments.WriteRequest(from, payload.View.AsSpan<byte>());
        var frame = new FrameHeader { Kind = MessageKind.ReadMany, Incarnation = peer.Incarnation.Value, PayloadChecksum = Crc32C.Compute(payload.View) };
        if (link.Begin(ref frame, payload.View, deadline) == FrameFault.None)
            return new PeerCall(peer.Address, link);
        Return(peer.Address, link);
        return null;
    }

    /// <summary>Waits for the answer.</summary>
    /// <param name="call">What <see cref="BeginReadMany"/> returned.</param>
    /// <param name="answer">Exactly as long as the answer of that many fragments.</param>
    /// <param name="deadline">Point in time from <see cref="FrameSocket.DeadlineAfter"/>.</param>
    public WireStatus EndReadMany(PeerCall? call, NativeView answer, long deadline)
    {
        if (call is null)
            return WireStatus.PeerFailed;
        var frame = default(FrameHeader);
        var fault = call.Link.End(ref frame, answer, deadline, out var received);
        Return(call.Address, call.Link);
        // A wrong checksum of the whole says that the way is bad, not which fragment: nothing is held against the peer's bytes.
        return fault switch
        {
            FrameFault.None when frame.Status == WireStatus.Done => received == answer.Length ? WireStatus.Done : WireStatus.PeerFailed,
            FrameFault.None => frame.Status,
            FrameFault.Deadline => WireStatus.DeadlinePassed,
            _ => WireStatus.PeerFailed,
        };
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

/// <summary>A call to a peer that is under way.</summary>
internal sealed record PeerCall(string Address, NodeLink Link);
