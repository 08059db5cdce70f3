using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Node;

/// <summary>What a memory node holds: its regions, the parities under construction, and the epochs below which it refuses.</summary>
/// <remarks>
/// Owned by the node's server, or by a test. Synchronous, no clock, no I/O; any thread may call. One lock guards the set of
/// regions; operations on a region's bytes do not take it. It starts empty under an incarnation of its own and never reports
/// memory that it did not itself register and receive: a restarted node is a new one.
/// </remarks>
internal sealed class NodeStore : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Region?[] _regions = new Region?[ushort.MaxValue + 1];
    private readonly Dictionary<ComputeId, Epoch> _fences = [];
    private readonly ShadowTable _shadows;
    private readonly bool _shared;
    private long _registeredBytes;
    private int _regionCount;
    private bool _draining;

    /// <param name="node">Its id.</param>
    /// <param name="incarnation">Fresh for every start.</param>
    /// <param name="capacityBytes">Bound of what it registers, slot tables included.</param>
    /// <param name="shared">Whether other processes of this machine may map the regions.</param>
    public NodeStore(NodeId node, Incarnation incarnation, long capacityBytes, bool shared)
    {
        Node = node;
        Incarnation = incarnation;
        CapacityBytes = capacityBytes;
        _shared = shared;
        // Shadows are outside of the regions: each holds one parity for as long as one compaction takes.
        _shadows = new ShadowTable(Math.Max(RegionLayout.BytesMin, capacityBytes / 8));
    }

    public NodeId Node { get; }

    public Incarnation Incarnation { get; }

    public long CapacityBytes { get; }

    /// <summary>Set for good when the node has been asked to leave: nothing new is placed here, everything here can be read.</summary>
    public bool IsDraining => Volatile.Read(ref _draining);

    /// <summary>Bytes registered.</summary>
    public long RegisteredBytes => Interlocked.Read(ref _registeredBytes);

    /// <summary>Regions registered.</summary>
    public int RegionCount => Volatile.Read(ref _regionCount);

    public void Drain() => Volatile.Write(ref _draining, true);

    public WireStatus Allot(RegionId id, ulong dataBytes, ComputeId owner, Epoch epoch, out Region? region)
    {
        region = null;
        if (!RegionLayout.IsValid(dataBytes))
            return WireStatus.BadRequest;
        lock (_lock)
        {
            if (_fences.TryGetValue(owner, out var fence) && epoch < fence)
                return WireStatus.Fenced;
            if (_regions[id.Value] is { } present)
            {
                region = present;
                var isRetry = present.Owner == owner && present.Layout.DataBytes == (long)dataBytes && epoch >= present.Epoch;
                return isRetry ? WireStatus.Done : WireStatus.NotOwner;
            }
            if (IsDraining)
                return WireStatus.Draining;
            var layout = new RegionLayout((long)dataBytes);
            if (layout.TotalBytes > CapacityBytes - _registeredBytes)
                return WireStatus.Full;
            region = Register(id, layout, owner, epoch);
            Volatile.Write(ref _regions[id.Value], region);
            _registeredBytes += layout.TotalBytes;
            _regionCount++;
            return WireStatus.Done;
        }
    }

    /// <summary>A region for its owner to map.</summary>
    public WireStatus Find(RegionId id, ComputeId owner, Epoch epoch, out Region? region)
    {
        region = Volatile.Read(ref _regions[id.Value]);
        return region is null ? WireStatus.NoSuchRegion
            : region.Owner != owner ? WireStatus.NotOwner
            : epoch < region.Epoch ? WireStatus.Fenced
            : WireStatus.Done;
    }

    public WireStatus Release(RegionId id, Epoch epoch)
    {
        lock (_lock)
        {
            if (_regions[id.Value] is not { } region)
                return WireStatus.Done; // a retry
            if (epoch < region.Epoch)
                return WireStatus.Fenced;
            Remove(region);
            return WireStatus.Done;
        }
    }

    /// <summary>From now on refuses what <paramref name="owner"/> sends under an older epoch; can take its regions back at once.</summary>
    public void Fence(ComputeId owner, Epoch epoch, bool reclaim)
    {
        lock (_lock)
        {
            if (!_fences.TryGetValue(owner, out var fence) || fence < epoch)
                _fences[owner] = epoch;
            foreach (var region in _regions)
            {
                if (region is null || region.Owner != owner || region.Epoch >= epoch)
                    continue;
                region.Fence(epoch);
                if (reclaim)
                    Remove(region);
            }
        }
    }

    public WireStatus Write(in FragmentRange to, ComputeId owner, Epoch epoch, NativeView bytes, uint checksum)
    {
        if (IsDraining)
            return WireStatus.Draining;
        using var use = Open(to.Region);
        return use.Region is not { } region ? WireStatus.NoSuchRegion
            : region.Owner != owner ? WireStatus.NotOwner
            : region.Write(to.Offset, to.Generation, epoch, bytes, checksum);
    }

    /// <summary>The fragment's bytes and the checksum they were stored under; whoever uses the bytes compares the two.</summary>
    public WireStatus Read(in FragmentRange from, NativeView destination, out uint checksum)
    {
        checksum = 0;
        using var use = Open(from.Region);
        return use.Region is { } region ? region.Read(from.Offset, from.Generation, destination, out checksum) : WireStatus.NoSuchRegion;
    }

    /// <summary>As <see cref="Read"/>, for bytes that are used here.</summary>
    public WireStatus ReadVerified(in FragmentRange from, NativeView destination)
    {
        var status = Read(from, destination, out var checksum);
        return status == WireStatus.Done && Crc32C.Compute(destination) != checksum ? WireStatus.Corrupt : status;
    }

    public WireStatus Free(in FragmentRange at, ComputeId owner, Epoch epoch)
    {
        using var use = Open(at.Region);
        return use.Region is not { } region ? WireStatus.Done // its region went, and the fragment with it
            : region.Owner != owner ? WireStatus.NotOwner
            : region.Free(at.Offset, at.Generation, epoch);
    }

    /// <summary>The difference of two fragments of this node, both checked: what a compaction moves instead of spans.</summary>
    /// <param name="old">The fragment that leaves the code word.</param>
    /// <param name="replacement">The one that takes its slot; same length.</param>
    /// <param name="delta">Receives old xor replacement.</param>
    /// <param name="scratch">As long as the delta.</param>
    public WireStatus Delta(in FragmentRange old, in FragmentRange replacement, NativeView delta, NativeView scratch)
    {
        if (old.Length != replacement.Length)
            return WireStatus.BadRequest;
        var status = ReadVerified(old, delta);
        if (status != WireStatus.Done)
            return status;
        status = ReadVerified(replacement, scratch);
        if (status == WireStatus.Done)
            ErasureCode.ReedSolomon.MultiplyAccumulate(1, scratch, delta);
        return status;
    }

    /// <summary>Adds a contribution to the new parity that <paramref name="operation"/> builds from <paramref name="parity"/>.</summary>
    public WireStatus AddToShadow(
        OperationId operation, in FragmentRange parity, in FragmentRange target, ComputeId owner, Epoch epoch, int contributor, NativeView delta)
    {
        if (IsDraining)
            return WireStatus.Draining;
        if (parity.Length != delta.Length || target.Length != delta.Length)
            return WireStatus.BadRequest;
        using var use = Open(target.Region);
        if (use.Region is not { } region)
            return WireStatus.NoSuchRegion;
        if (region.Owner != owner)
            return WireStatus.NotOwner;
        if (epoch < region.Epoch)
            return WireStatus.Fenced;
        var from = parity;
        return _shadows.Add(KeyOf(operation, target), contributor, delta, bytes => ReadVerified(from, bytes));
    }

    public WireStatus Prepare(OperationId operation, in FragmentRange target, ulong contributors) =>
        _shadows.Prepare(KeyOf(operation, target), contributors);

    /// <summary>Turns the shadow into the fragment; <paramref name="checksum"/> is that of its bytes.</summary>
    public WireStatus Commit(OperationId operation, in FragmentRange target, ComputeId owner, Epoch epoch, out uint checksum)
    {
        checksum = 0;
        using var use = Open(target.Region);
        if (use.Region is not { } region)
            return WireStatus.NoSuchRegion;
        if (region.Owner != owner)
            return WireStatus.NotOwner;
        var to = target;
        return _shadows.Commit(
            KeyOf(operation, target), (bytes, sum) => region.Write(to.Offset, to.Generation, epoch, bytes, sum), out checksum);
    }

    public WireStatus Abort(OperationId operation, in FragmentRange target) => _shadows.Abort(KeyOf(operation, target));

    /// <summary>Flips a bit in each of some fragments, chosen by seed.</summary>
    /// <returns>How many.</returns>
    public int CorruptSome(int seed, int count)
    {
        var random = new Random(seed);
        List<Region> regions;
        lock (_lock)
            regions = [.. _regions.Where(region => region is not null).Select(region => region!)];
        var flipped = 0;
        for (var i = 0; i < count && regions.Count > 0; i++)
        {
            using var use = new RegionUse(regions[random.Next(regions.Count)]);
            if (use.Region is not { } region)
                continue;
            // Regions fill from the front, and what is there is found from any place before it.
            var found = region.FindFragment((int)(region.Layout.Granules * Math.Pow(2, -14 * random.NextDouble())));
            if (found.Length == 0)
                continue;
            region.Corrupt(found.Offset + (ulong)random.NextInt64(found.Length));
            flipped++;
        }
        return flipped;
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var region in _regions)
            {
                if (region is not null)
                    Remove(region);
            }
        }
        _shadows.Dispose();
    }

    private static ShadowKey KeyOf(OperationId operation, in FragmentRange target) =>
        new(operation, target.Region, target.Offset, target.Generation);

    private RegionUse Open(RegionId id) => new(Volatile.Read(ref _regions[id.Value]));

    private Region Register(RegionId id, RegionLayout layout, ComputeId owner, Epoch epoch)
    {
        if (!_shared)
        {
            var buffer = NativeBuffer.Allocate(layout.TotalBytes);
            return Region.Register(id, layout, owner, epoch, Incarnation, buffer, buffer.View);
        }
        var mapping = SharedMapping.Create($"fathom-region-{id.Value}", layout.TotalBytes);
        return Region.Register(id, layout, owner, epoch, Incarnation, mapping, mapping.View);
    }

    private void Remove(Region region)
    {
        Volatile.Write(ref _regions[region.Id.Value], null);
        _registeredBytes -= region.Layout.TotalBytes;
        _regionCount--;
        _shadows.DropRegion(region.Id);
        region.Release();
    }
}
