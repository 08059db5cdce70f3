using System.Collections.Concurrent;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Transports;

/// <summary>A compute process's own mappings of one node's regions: reads and writes are loads and stores, the node takes no part.</summary>
/// <remarks>
/// Any thread may call. A region is mapped in the background when it is first asked for; until then requests take the socket. When
/// the connection to the node ends, so do the mappings: what a dead node held counts as gone, as it would on another machine.
/// </remarks>
internal sealed class MappedRegions(NodeEndpoint endpoint, CallerIdentity caller) : IDisposable
{
    private static readonly TimeSpan MapTime = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<RegionId, Region> _regions = new();
    private readonly ConcurrentDictionary<RegionId, byte> _asked = new();
    private ulong _incarnation;

    /// <summary>The life of the node whose regions may be mapped; default for none.</summary>
    public void Follow(Incarnation incarnation)
    {
        Volatile.Write(ref _incarnation, incarnation.Value);
        foreach (var id in _regions.Keys)
        {
            if (_regions.TryRemove(id, out var region))
                region.Unmap();
        }
        _asked.Clear();
    }

    /// <summary>Carries a request out here if the region is mapped.</summary>
    public bool TryRun(NodeRequest request, out NodeReply reply)
    {
        reply = default;
        if (request.Operation is not (NodeOperation.Read or NodeOperation.Write))
            return false;
        if (request.Operation == NodeOperation.Read)
            return TryRead(request.At, request.Incarnation, request.Epoch, request.Destination, out reply);
        using var use = Open(request.At.Region, request.Incarnation, request.Epoch);
        if (use.Region is not { } region)
            return false;
        var status = region.Write(request.At.Offset, request.At.Generation, request.Epoch, request.Payload, request.Checksum);
        reply = new NodeReply(status, NodeFault.None, request.Incarnation, request.Checksum);
        return true;
    }

    /// <summary>Reads a fragment by loads if its region is mapped.</summary>
    public bool TryRead(in FragmentRange from, Incarnation incarnation, Epoch epoch, NativeView destination, out NodeReply reply)
    {
        reply = default;
        using var use = Open(from.Region, incarnation, epoch);
        if (use.Region is not { } region)
            return false;
        var status = destination.Length < from.Length
            ? WireStatus.BadRequest
            : region.Read(from.Offset, from.Generation, destination.Slice(0, from.Length), out _);
        var checksum = status == WireStatus.Done ? Integrity.Crc32C.Compute(destination.Slice(0, from.Length)) : 0;
        reply = new NodeReply(status, NodeFault.None, incarnation, checksum);
        return true;
    }

    public void Dispose() => Follow(default);

    private RegionUse Open(RegionId id, Incarnation incarnation, Epoch epoch)
    {
        if (incarnation.Value == 0 || incarnation.Value != Volatile.Read(ref _incarnation))
            return default;
        if (_regions.TryGetValue(id, out var region))
            return new RegionUse(region);
        if (_asked.TryAdd(id, 0))
            ThreadPool.UnsafeQueueUserWorkItem(static work => work.Regions.Map(work.Id, work.Incarnation, work.Epoch), (Regions: this, Id: id, Incarnation: incarnation, Epoch: epoch), preferLocal: false);
        return default;
    }

    private void Map(RegionId id, Incarnation incarnation, Epoch epoch)
    {
        try
        {
            var deadline = FrameSocket.DeadlineAfter(MapTime);
            using var link = NodeLink.Connect(endpoint, caller, deadline);
            using var answer = NativeBuffer.Allocate(16);
            var frame = new FrameHeader { Kind = MessageKind.MapRegion, Region = id.Value, Epoch = epoch.Value, Incarnation = incarnation.Value };
            if (link.Call(ref frame, default, answer.View, deadline, out var received) != FrameFault.None || frame.Status != WireStatus.Done || received != 16)
                return; // this region keeps taking the socket
            var words = new FragmentReader(answer.AsSpan<byte>(0, received));
            var (process, descriptor, dataBytes) = (words.UInt32(), words.UInt32(), words.UInt64());
            if (process > int.MaxValue || descriptor > int.MaxValue || !RegionLayout.IsValid(dataBytes))
                return;
            var layout = new RegionLayout((long)dataBytes);
            var mapping = SharedMapping.Open((int)process, (int)descriptor, layout.TotalBytes);
            var region = Region.Attach(id, layout, new ComputeId(caller.Id), incarnation, mapping);
            if (!_regions.TryAdd(id, region))
                region.Unmap();
            else if (incarnation.Value != Volatile.Read(ref _incarnation) && _regions.TryRemove(id, out _))
                region.Unmap(); // the node went away while this was under way
        }
        catch (Exception failure) when (failure is NodeConnectionException or IOException)
        {
            // Other machine, other user, or the node is gone: the socket serves, or says so.
            _asked.TryRemove(id, out _);
        }
    }
}
