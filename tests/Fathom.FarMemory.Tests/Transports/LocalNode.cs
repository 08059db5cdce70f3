using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.FarMemory.Tests.Transports;

/// <summary>A memory node in this process on a real socket, and the calls that a region directory makes.</summary>
internal sealed class LocalNode : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-node").FullName;

    public LocalNode(TransportKind transport, ushort id = 1, long capacityBytes = 256 << 20)
    {
        var listen = new NodeEndpoint(transport, transport == TransportKind.Tcp ? "127.0.0.1:0" : Path.Combine(_folder, "node.sock"));
        Node = MemoryNode.Start(new MemoryNodeOptions { Listen = listen, Node = new NodeId(id), CapacityBytes = capacityBytes }, NullLogger.Instance);
    }

    public static TheoryData<TransportKind> Transports() =>
        SharedMapping.IsSupported ? [TransportKind.Tcp, TransportKind.Unix, TransportKind.SharedMemory] : [TransportKind.Tcp, TransportKind.Unix];

    public MemoryNode Node { get; }

    public static long Soon => FrameSocket.DeadlineAfter(TimeSpan.FromSeconds(20));

    public NodeLink Link(CallerRole role, ulong id, ulong term = 0) => NodeLink.Connect(Node.Endpoint, new CallerIdentity(role, id, term), Soon);

    public WireStatus Allot(RegionId region, ComputeId owner, Epoch epoch, ulong term = 1)
    {
        using var directory = Link(CallerRole.Directory, 1, term);
        var frame = new FrameHeader { Kind = MessageKind.AllotRegion, Region = region.Value, OperationId = owner.Value, Epoch = epoch.Value, Argument = 16 << 20 };
        Assert.Equal(FrameFault.None, directory.Call(ref frame, default, default, Soon, out _));
        return frame.Status;
    }

    public WireStatus Fence(ComputeId owner, Epoch epoch, bool reclaim, ulong term = 1)
    {
        using var directory = Link(CallerRole.Directory, 1, term);
        var frame = new FrameHeader { Kind = MessageKind.Fence, Argument = owner.Value, Argument2 = reclaim ? 1u : 0, Epoch = epoch.Value };
        Assert.Equal(FrameFault.None, directory.Call(ref frame, default, default, Soon, out _));
        return frame.Status;
    }

    public void Dispose()
    {
        Node.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
