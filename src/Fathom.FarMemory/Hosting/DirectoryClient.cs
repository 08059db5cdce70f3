using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Placement;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Hosting;

/// <summary>What a frame of kind <see cref="MessageKind.Directory"/> asks. The numbers are the wire format.</summary>
internal enum DirectoryQuestion : uint
{
    /// <summary>A new lease.</summary>
    Open = 1,

    /// <summary>Renewal, and which nodes there are.</summary>
    Poll = 2,

    /// <summary>A region on a node.</summary>
    Allot = 3,

    /// <summary>All regions on a node go back.</summary>
    Release = 4,

    /// <summary>The lease ends.</summary>
    Close = 5,
}

/// <summary>A directory behind a connection. While it cannot be reached every call fails, within a bound; the next one tries again.</summary>
/// <remarks>One thread at a time: the follower's.</remarks>
internal sealed class DirectoryClient(NodeEndpoint endpoint) : IDirectoryCalls
{
    private const int AnswerBytesMax = 1 << 20;
    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(1);

    private readonly NativeBuffer _answer = NativeBuffer.Allocate(AnswerBytesMax);
    private NodeLink? _link;

    public bool TryOpen(out DirectoryLease lease)
    {
        var frame = Question(DirectoryQuestion.Open, default);
        var isDone = TryCall(ref frame, out _);
        lease = new DirectoryLease(new ComputeId(frame.OperationId), new Epoch(frame.Epoch));
        return isDone;
    }

    public DirectoryView? Poll(DirectoryLease lease, in PoolReport report)
    {
        var frame = Question(DirectoryQuestion.Poll, lease);
        frame.Argument = (ulong)report.LiveBytes;
        frame.Offset = (ulong)report.SpanSets;
        frame.Generation = (ulong)report.RebuildBacklog;
        if (!TryCall(ref frame, out var received))
            return frame.Status == WireStatus.Fenced ? new DirectoryView(IsFenced: true, []) : null;
        var words = new FragmentReader(_answer.AsSpan<byte>(0, received));
        var nodes = new List<DirectoryNode>();
        for (var left = words.UInt32(); left > 0 && words.Holds; left--)
        {
            var (id, state, incarnation, address) = (words.UInt16(), words.Byte(), words.UInt64(), words.Text(256));
            if (words.Holds && TryParse(address, out var at))
                nodes.Add(new DirectoryNode(new NodeId(id), at, new Incarnation(incarnation), (DirectoryNodeState)state));
        }
        return words.Holds ? new DirectoryView(IsFenced: false, nodes) : null;
    }

    public bool TryAllot(DirectoryLease lease, NodeId node, out RegionGrant grant)
    {
        var frame = Question(DirectoryQuestion.Allot, lease);
        frame.Region = node.Value;
        var isDone = TryCall(ref frame, out _);
        grant = new RegionGrant(new RegionId((ushort)frame.Region), node, new Incarnation(frame.Generation), lease.Epoch, (long)frame.Argument);
        return isDone;
    }

    public void Release(DirectoryLease lease, NodeId node)
    {
        var frame = Question(DirectoryQuestion.Release, lease);
        frame.Region = node.Value;
        _ = TryCall(ref frame, out _); // a release that got lost happens when the lease ends
    }

    public void Close(DirectoryLease lease)
    {
        var frame = Question(DirectoryQuestion.Close, lease);
        _ = TryCall(ref frame, out _); // as above
    }

    public void Dispose()
    {
        _link?.Dispose();
        _answer.Dispose();
    }

    private static FrameHeader Question(DirectoryQuestion question, DirectoryLease lease) => new()
    {
        Kind = MessageKind.Directory,
        Argument2 = (uint)question,
        OperationId = lease.Owner.Value,
        Epoch = lease.Epoch.Value,
    };

    private static bool TryParse(string address, out NodeEndpoint endpoint)
    {
        try
        {
            endpoint = NodeEndpoint.Parse(address);
            return true;
        }
        catch (FormatException)
        {
            endpoint = null!;
            return false;
        }
    }

    private bool TryCall(ref FrameHeader frame, out int received)
    {
        received = 0;
        var deadline = FrameSocket.DeadlineAfter(CallTime);
        try
        {
            if (_link is null or { IsBroken: true })
            {
                _link?.Dispose();
                _link = null;
                _link = NodeLink.Connect(endpoint, new CallerIdentity(CallerRole.Compute, 0), deadline);
            }
            return _link.Call(ref frame, default, _answer.View, deadline, out received) == FrameFault.None && frame.Status == WireStatus.Done;
        }
        catch (NodeConnectionException)
        {
            frame.Status = WireStatus.PeerFailed; // the pool goes on with what it has
            return false;
        }
    }
}
