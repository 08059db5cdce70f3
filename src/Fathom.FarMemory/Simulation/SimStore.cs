using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.SpanSets;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.Simulation;

/// <summary>A fragment as a simulated node stores it.</summary>
internal sealed class SimFragment(ulong generation, byte[] bytes, uint checksum)
{
    public ulong Generation { get; } = generation;

    public byte[] Bytes { get; } = bytes;

    /// <summary>CRC32C that it was stored under.</summary>
    public uint Checksum { get; } = checksum;
}

/// <summary>A region of a simulated node: fragments by their first granule, and the latest generation of every granule.</summary>
internal sealed class SimRegion(ComputeId owner, Epoch epoch, long bytes)
{
    public ComputeId Owner { get; } = owner;

    public Epoch Epoch { get; set; } = epoch;

    public long Bytes { get; } = bytes;

    public Dictionary<long, SimFragment> Fragments { get; } = [];

    public ulong[] Generations { get; } = new ulong[bytes / PoolMachine.GranuleBytes];
}

/// <summary>The parity that an operation builds, beside the old one.</summary>
internal sealed class SimShadow(byte[] bytes)
{
    public byte[] Bytes { get; } = bytes;

    public ulong Contributors { get; set; }
}

/// <summary>Mistakes to plant in a simulated node, to see that the checkers find them.</summary>
[Flags]
internal enum PlantedFault
{
    None = 0,

    /// <summary>Parity updates change the old parity in place.</summary>
    SkipShadow = 1,

    /// <summary>A delta that arrives twice is added twice.</summary>
    AddTwice = 2,

    /// <summary>Writes are obeyed whatever their generation.</summary>
    IgnoreGenerations = 4,

    /// <summary>Reads of what a restarted node does not have give zeros.</summary>
    TrustRestart = 8,

    /// <summary>Bytes are not compared with their checksum before they are used.</summary>
    SkipChecksums = 16,

    /// <summary>A write counts as acknowledged when it has been sent.</summary>
    AcknowledgeEarly = 32,
}

/// <summary>Memory of a simulated node: the same rules as a real one, on small arrays.</summary>
internal sealed class SimStore(PlantedFault planted)
{
    private readonly Dictionary<(OperationId, RegionId, ulong), SimShadow> _shadows = [];
    private readonly Dictionary<(OperationId, RegionId, ulong), uint?> _decided = [];

    public Dictionary<RegionId, SimRegion> Regions { get; } = [];

    public WireStatus Write(in FragmentRange at, ComputeId owner, Epoch epoch, byte[] bytes, uint checksum)
    {
        var status = Find(at.Region, owner, epoch, out var region);
        if (status != WireStatus.Done)
            return status;
        if (!Fits(region, at) || (uint)bytes.Length != at.Length)
            return WireStatus.OutOfRegion;
        var first = (long)at.Offset / PoolMachine.GranuleBytes;
        if (region.Fragments.TryGetValue(first, out var present) && present.Generation == at.Generation.Value)
            return present.Checksum == checksum ? WireStatus.Done : WireStatus.BadRequest;
        var end = first + Granules(at.Length);
        for (var granule = first; granule < end; granule++)
        {
            if (region.Generations[granule] >= at.Generation.Value && (planted & PlantedFault.IgnoreGenerations) == 0)
                return WireStatus.Superseded;
        }
        for (var granule = first; granule < end; granule++)
        {
            region.Generations[granule] = at.Generation.Value;
            region.Fragments.Remove(granule);
        }
        region.Fragments[first] = new SimFragment(at.Generation.Value, bytes, checksum);
        return WireStatus.Done;
    }

    public WireStatus Read(in FragmentRange at, out byte[] bytes, out uint checksum)
    {
        (bytes, checksum) = ([], 0);
        if (!Regions.TryGetValue(at.Region, out var region))
        {
            if ((planted & PlantedFault.TrustRestart) == 0)
                return WireStatus.NoSuchRegion;
            bytes = new byte[at.Length];
            checksum = Crc32C.Compute(bytes);
            return WireStatus.Done;
        }
        if (!Fits(region, at))
            return WireStatus.OutOfRegion;
        if (!region.Fragments.TryGetValue((long)at.Offset / PoolMachine.GranuleBytes, out var fragment)
            || fragment.Generation != at.Generation.Value || (uint)fragment.Bytes.Length != at.Length)
            return WireStatus.NoSuchFragment;
        (bytes, checksum) = (fragment.Bytes, fragment.Checksum);
        return WireStatus.Done;
    }

    public WireStatus ReadVerified(in FragmentRange at, out byte[] bytes)
    {
        var status = Read(at, out bytes, out var checksum);
        return status == WireStatus.Done && Crc32C.Compute(bytes) != checksum && (planted & PlantedFault.SkipChecksums) == 0
            ? WireStatus.Corrupt
            : status;
    }

    public void Free(in FragmentRange at, ComputeId owner, Epoch epoch)
    {
        if (Find(at.Region, owner, epoch, out var region) == WireStatus.Done
            && region.Fragments.TryGetValue((long)at.Offset / PoolMachine.GranuleBytes, out var fragment)
            && fragment.Generation == at.Generation.Value)
            region.Fragments.Remove((long)at.Offset / PoolMachine.GranuleBytes);
    }

    public WireStatus AddToShadow(
        OperationId operation, in FragmentRange parity, in FragmentRange target, ComputeId owner, Epoch epoch, int contributor, byte[] delta)
    {
        var status = Find(target.Region, owner, epoch, out _);
        if (status != WireStatus.Done)
            return status;
        var key = (operation, target.Region, target.Offset);
        if (_decided.TryGetValue(key, out var committed))
            return committed is null ? WireStatus.NotPrepared : WireStatus.Done;
        if (!_shadows.TryGetValue(key, out var shadow))
        {
            status = ReadVerified(parity, out var bytes);
            if (status != WireStatus.Done)
                return status;
            _shadows.Add(key, shadow = new SimShadow((planted & PlantedFault.SkipShadow) != 0 ? bytes : [.. bytes]));
        }
        if ((shadow.Contributors >> contributor & 1) != 0 && (planted & PlantedFault.AddTwice) == 0)
            return WireStatus.Done;
        for (var i = 0; i < delta.Length; i++)
            shadow.Bytes[i] ^= delta[i];
        shadow.Contributors |= 1UL << contributor;
        return WireStatus.Done;
    }

    public WireStatus Prepare(OperationId operation, in FragmentRange target, ulong contributors) =>
        _decided.TryGetValue((operation, target.Region, target.Offset), out var committed)
            ? (committed is null ? WireStatus.NotPrepared : WireStatus.Done)
            : _shadows.TryGetValue((operation, target.Region, target.Offset), out var shadow) && shadow.Contributors == contributors
                ? WireStatus.Done
                : WireStatus.NotPrepared;

    public WireStatus Commit(OperationId operation, in FragmentRange target, ComputeId owner, Epoch epoch, out uint checksum)
    {
        checksum = 0;
        var key = (operation, target.Region, target.Offset);
        if (_decided.TryGetValue(key, out var committed))
        {
            checksum = committed ?? 0;
            return committed is null ? WireStatus.NotPrepared : WireStatus.Done;
        }
        if (!_shadows.TryGetValue(key, out var shadow))
            return WireStatus.NotPrepared;
        checksum = Crc32C.Compute(shadow.Bytes);
        var status = Write(target, owner, epoch, [.. shadow.Bytes], checksum);
        if (status != WireStatus.Done)
            return status;
        _shadows.Remove(key);
        _decided.Add(key, checksum);
        return WireStatus.Done;
    }

    public WireStatus Abort(OperationId operation, in FragmentRange target)
    {
        var key = (operation, target.Region, target.Offset);
        _shadows.Remove(key);
        return _decided.TryAdd(key, null) || _decided[key] is null ? WireStatus.Done : WireStatus.BadRequest;
    }

    private WireStatus Find(RegionId id, ComputeId owner, Epoch epoch, out SimRegion region) =>
        !Regions.TryGetValue(id, out region!) ? WireStatus.NoSuchRegion
        : region.Owner != owner ? WireStatus.NotOwner
        : epoch < region.Epoch ? WireStatus.Fenced
        : WireStatus.Done;

    private static bool Fits(SimRegion region, in FragmentRange at) =>
        at.Length != 0 && at.Offset % PoolMachine.GranuleBytes == 0
        && at.Offset + (ulong)Granules(at.Length) * PoolMachine.GranuleBytes <= (ulong)region.Bytes;

    private static long Granules(uint length) => (length + PoolMachine.GranuleBytes - 1) / PoolMachine.GranuleBytes;
}
