using Fathom.FarMemory.Identity;

namespace Fathom.FarMemory.Membership;

/// <summary>A region as the ledger has it.</summary>
internal readonly record struct LedgerRegion(RegionId Id, NodeId Node, Incarnation Incarnation, ComputeId Owner, long Bytes);

/// <summary>
/// Who owns which region, and whose lease holds: the directory's state. Synchronous and deterministic, without clock or I/O; every
/// change that must not be forgotten comes out as one line for the journal, and the journal's lines rebuild it.
/// </summary>
/// <remarks>
/// One thread at a time. A region id is taken from the moment it is planned, before any node hears of it, until its node has given the
/// memory back or lost it: that is what keeps a directory killed in between from allotting it twice.
/// </remarks>
internal sealed class RegionLedger
{
    private readonly Dictionary<RegionId, LedgerRegion> _regions = [];
    private readonly Dictionary<ComputeId, Lease> _leases = [];
    private ulong _lastOwner;
    private int _lastRegion;

    /// <summary>Fencing term of the directory that writes this ledger.</summary>
    public ulong Term { get; private set; }

    public IReadOnlyCollection<LedgerRegion> Regions => _regions.Values;

    /// <summary>Leases that hold, for reports.</summary>
    public int LeasesHeld => _leases.Values.Count(lease => !lease.IsEnded);

    /// <summary>A directory takes over: it outranks every one before it.</summary>
    public string BeginTerm() => Applied($"term {Term + 1}");

    public string OpenLease(long nowUs, long leaseUs, out ComputeId owner, out Epoch epoch)
    {
        owner = new ComputeId(_lastOwner + 1);
        epoch = new Epoch(1);
        var line = Applied($"lease {owner.Value} {epoch.Value}");
        _leases[owner].ExpiresUs = nowUs + leaseUs;
        return line;
    }

    /// <summary>False when the lease has ended: the caller must be told.</summary>
    public bool Renew(long nowUs, long leaseUs, ComputeId owner, Epoch epoch)
    {
        if (!_leases.TryGetValue(owner, out var lease) || lease.IsEnded || lease.Epoch != epoch)
            return false;
        lease.ExpiresUs = nowUs + leaseUs;
        return true;
    }

    /// <summary>After a start nobody knows how long a lease has gone without renewal: each gets a whole one.</summary>
    public void GiveGrace(long nowUs, long leaseUs)
    {
        foreach (var lease in _leases.Values)
            lease.ExpiresUs = nowUs + leaseUs;
    }

    /// <summary>Plans a region; null when no id is free or the lease has ended.</summary>
    public string? PlanRegion(ComputeId owner, Epoch epoch, NodeId node, Incarnation incarnation, long bytes, out LedgerRegion region)
    {
        region = default;
        if (!_leases.TryGetValue(owner, out var lease) || lease.IsEnded || lease.Epoch != epoch || _regions.Count >= ushort.MaxValue)
            return null;
        do
        {
            _lastRegion = _lastRegion % ushort.MaxValue + 1;
        }
        while (_regions.ContainsKey(new RegionId((ushort)_lastRegion)));
        region = new LedgerRegion(new RegionId((ushort)_lastRegion), node, incarnation, owner, bytes);
        return Applied($"region {_lastRegion} {node.Value} {incarnation.Value} {owner.Value} {bytes}");
    }

    /// <summary>The node has given the region back, never had it, or lost it with a life of its own.</summary>
    public string? DropRegion(RegionId region) => _regions.ContainsKey(region) ? Applied($"drop {region.Value}") : null;

    /// <summary>Ends a lease: whoever held it is fenced, and its regions wait to be taken back.</summary>
    public string? EndLease(ComputeId owner) =>
        _leases.TryGetValue(owner, out var lease) && !lease.IsEnded ? Applied($"end {owner.Value}") : null;

    /// <summary>A lease whose time is over, if there is one.</summary>
    public bool TryFindExpired(long nowUs, out ComputeId owner)
    {
        foreach (var (id, lease) in _leases)
        {
            if (lease.IsEnded || lease.ExpiresUs > nowUs)
                continue;
            owner = id;
            return true;
        }
        owner = default;
        return false;
    }

    /// <summary>Ended owners that still have regions on a node, with the epoch to fence them at.</summary>
    public IEnumerable<(ComputeId Owner, Epoch Epoch)> ToFence(NodeId node) =>
        from lease in _leases
        where lease.Value.IsEnded && _regions.Values.Any(region => region.Owner == lease.Key && region.Node == node)
        select (lease.Key, lease.Value.Epoch.Next);

    /// <summary>The lines that rebuild the present state.</summary>
    public IEnumerable<string> Snapshot()
    {
        yield return $"term {Term}";
        yield return $"last {_lastOwner} {_lastRegion}";
        var owners = _regions.Values.Select(region => region.Owner).ToHashSet();
        foreach (var (owner, lease) in _leases)
        {
            // An ended lease matters only as long as regions are to be taken back from it.
            if (lease.IsEnded && !owners.Contains(owner))
                continue;
            yield return $"lease {owner.Value} {lease.Epoch.Value}";
            if (lease.IsEnded)
                yield return $"end {owner.Value}";
        }
        foreach (var region in _regions.Values)
            yield return $"region {region.Id.Value} {region.Node.Value} {region.Incarnation.Value} {region.Owner.Value} {region.Bytes}";
    }

    /// <summary>Takes in one line.</summary>
    /// <returns>False when it is none.</returns>
    public bool Apply(string line)
    {
        var words = line.Split(' ');
        var numbers = new ulong[words.Length - 1];
        for (var i = 0; i < numbers.Length; i++)
        {
            if (!ulong.TryParse(words[i + 1], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out numbers[i]))
                return false;
        }
        switch (words[0], numbers)
        {
            case ("term", [var term]):
                Term = term;
                return true;
            case ("last", [var owner, <= ushort.MaxValue and var lastRegion]):
                _lastOwner = Math.Max(_lastOwner, owner);
                _lastRegion = (int)lastRegion;
                return true;
            case ("lease", [var owner, var epoch]):
                _lastOwner = Math.Max(_lastOwner, owner);
                _leases[new ComputeId(owner)] = new Lease(new Epoch(epoch));
                return true;
            case ("end", [var owner]) when _leases.TryGetValue(new ComputeId(owner), out var lease):
                lease.IsEnded = true;
                return true;
            case ("region", [<= ushort.MaxValue and var id, <= ushort.MaxValue and var node, var incarnation, var owner, <= long.MaxValue and var bytes]):
                var region = new LedgerRegion(
                    new RegionId((ushort)id), new NodeId((ushort)node), new Incarnation(incarnation), new ComputeId(owner), (long)bytes);
                _lastRegion = (int)id;
                return _regions.TryAdd(region.Id, region);
            case ("drop", [<= ushort.MaxValue and var id]):
                return _regions.Remove(new RegionId((ushort)id));
            default:
                return false;
        }
    }

    private string Applied(FormattableString line)
    {
        var text = FormattableString.Invariant(line);
        Memory.Invariant.Check(Apply(text));
        return text;
    }

    private sealed class Lease(Epoch epoch)
    {
        public Epoch Epoch { get; } = epoch;

        public long ExpiresUs { get; set; }

        public bool IsEnded { get; set; }
    }
}
