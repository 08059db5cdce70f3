using System.Diagnostics.CodeAnalysis;

namespace Fathom.FarMemory.BlockStore;

/// <summary>A block in the index.</summary>
internal sealed class BlockEntry(string @namespace, BlockKey key, int lengthBytes)
{
    public string Namespace { get; } = @namespace;

    public BlockKey Key { get; } = key;

    public int LengthBytes { get; } = lengthBytes;

    /// <summary>Where the bytes lie; null while they are being written.</summary>
    public StoredBlock? Stored { get; set; }

    public int Pins { get; set; }

    /// <summary>Reads that have begun and not ended; the far bytes stay until the last has.</summary>
    public int Readers { get; set; }

    /// <summary>End of the longest lease over it.</summary>
    public DateTimeOffset LeasedUntil { get; set; }

    /// <summary>Out of the index; its bytes go with the last reader.</summary>
    public bool IsRemoved { get; set; }

    /// <summary>Its place in the order of eviction.</summary>
    public LinkedListNode<BlockEntry>? Use { get; set; }

    /// <summary>It was used after it was stored, and lately enough to stand among those that go last.</summary>
    public bool IsProtected { get; set; }
}

/// <summary>Which blocks there are, who holds them, and which goes first: the store's state without its bytes.</summary>
/// <remarks>
/// Synchronous and without a clock: the store calls it under its lock and passes the time. Segmented LRU: blocks that were never used since
/// they were stored go first, so that what is read once does not push out what is read again and again; used ones take at most four
/// fifths, and the least recently used of them fall back among the others.
/// </remarks>
internal sealed class BlockIndex(long capacityBytes)
{
    private const double ProtectedShare = 0.8;

    private readonly Dictionary<(string Namespace, BlockKey Key), BlockEntry> _entries = [];
    private readonly LinkedList<BlockEntry> _probation = new(); // least recently used first, as the next
    private readonly LinkedList<BlockEntry> _protected = new();
    private long _protectedBytes;
    private readonly Dictionary<LeaseId, Lease> _leases = [];
    private readonly PriorityQueue<LeaseId, DateTimeOffset> _leaseEnds = new();
    private long _lastLease;

    public long UsedBytes { get; private set; }

    public int Count => _entries.Count;

    public bool TryFind(string @namespace, BlockKey key, [NotNullWhen(true)] out BlockEntry? entry) =>
        _entries.TryGetValue((@namespace, key), out entry);

    /// <summary>Length of the prefix that is there, each of its blocks used just now and held by a lease.</summary>
    public PrefixHit Match(string @namespace, ReadOnlySpan<BlockKey> keys, TimeSpan leaseTime, DateTimeOffset now)
    {
        DropExpired(now);
        var held = new List<BlockEntry>();
        foreach (var key in keys)
        {
            if (!TryFind(@namespace, key, out var entry) || entry.Stored is null)
                break;
            held.Add(entry);
        }
        if (held.Count == 0)
            return default;
        var lease = new LeaseId(++_lastLease);
        var expires = now + leaseTime;
        _leases.Add(lease, new Lease([.. held], expires));
        _leaseEnds.Enqueue(lease, expires);
        // The front of a prefix is wanted by more requests than its end: it is touched last, and goes last.
        for (var i = held.Count - 1; i >= 0; i--)
        {
            Touch(held[i]);
            held[i].LeasedUntil = Later(held[i].LeasedUntil, expires);
        }
        return new PrefixHit(held.Count, lease, expires);
    }

    public bool IsLeased(LeaseId lease, BlockEntry entry, DateTimeOffset now) =>
        _leases.TryGetValue(lease, out var held) && held.Expires > now && held.Entries.Contains(entry);

    /// <summary>Lengthens a lease that has not ended.</summary>
    public bool Renew(LeaseId lease, TimeSpan leaseTime, DateTimeOffset now)
    {
        if (!_leases.TryGetValue(lease, out var held) || held.Expires <= now)
            return false;
        held.Expires = Later(held.Expires, now + leaseTime);
        _leaseEnds.Enqueue(lease, held.Expires);
        foreach (var entry in held.Entries)
            entry.LeasedUntil = Later(entry.LeasedUntil, held.Expires);
        return true;
    }

    /// <summary>Begins a block, making room by taking out what was not used for longest and nobody holds.</summary>
    /// <param name="namespace">Its namespace.</param>
    /// <param name="key">A key that is not there.</param>
    /// <param name="lengthBytes">Its length.</param>
    /// <param name="now">The time.</param>
    /// <param name="evicted">Receives what was taken out; also when there is not enough.</param>
    /// <returns>Null when there is no room.</returns>
    public BlockEntry? Begin(string @namespace, BlockKey key, int lengthBytes, DateTimeOffset now, List<BlockEntry> evicted)
    {
        if (lengthBytes > capacityBytes || !MakeRoom(lengthBytes, now, evicted))
            return null;
        var entry = new BlockEntry(@namespace, key, lengthBytes);
        _entries.Add((@namespace, key), entry);
        UsedBytes += lengthBytes;
        return entry;
    }

    /// <summary>The block's bytes are where <paramref name="stored"/> says.</summary>
    public void Complete(BlockEntry entry, StoredBlock stored)
    {
        entry.Stored = stored;
        entry.Use = _probation.AddLast(entry);
    }

    /// <summary>Takes a block out of the index.</summary>
    public void Remove(BlockEntry entry)
    {
        if (entry.IsRemoved)
            return;
        entry.IsRemoved = true;
        _entries.Remove((entry.Namespace, entry.Key));
        if (entry.Use is not null)
            TakeFromOrder(entry);
        UsedBytes -= entry.LengthBytes;
    }

    public void Touch(BlockEntry entry)
    {
        if (entry.Use is null || entry.IsRemoved)
            return;
        TakeFromOrder(entry);
        entry.IsProtected = true;
        entry.Use = _protected.AddLast(entry);
        _protectedBytes += entry.LengthBytes;
        while (_protectedBytes > ProtectedShare * capacityBytes && _protected.First!.Value is var oldest && oldest != entry)
        {
            TakeFromOrder(oldest);
            oldest.Use = _probation.AddLast(oldest);
        }
    }

    /// <summary>Takes out blocks that nobody holds, first to go first, until some bytes are free.</summary>
    public bool MakeRoom(long bytes, DateTimeOffset now, List<BlockEntry> evicted)
    {
        while (UsedBytes + bytes > capacityBytes && EvictOne(now) is { } entry)
            evicted.Add(entry);
        return UsedBytes + bytes <= capacityBytes;
    }

    /// <summary>Takes out the first block to go that nobody holds.</summary>
    public BlockEntry? EvictOne(DateTimeOffset now)
    {
        var entry = FirstUnheld(_probation, now) ?? FirstUnheld(_protected, now);
        if (entry is not null)
            Remove(entry);
        return entry;
    }

    public IReadOnlyCollection<BlockEntry> All() => _entries.Values;

    private static BlockEntry? FirstUnheld(LinkedList<BlockEntry> order, DateTimeOffset now)
    {
        for (var node = order.First; node is not null; node = node.Next)
        {
            if (node.Value.Pins == 0 && node.Value.LeasedUntil <= now)
                return node.Value;
        }
        return null;
    }

    private void TakeFromOrder(BlockEntry entry)
    {
        entry.Use!.List!.Remove(entry.Use);
        entry.Use = null;
        if (!entry.IsProtected)
            return;
        entry.IsProtected = false;
        _protectedBytes -= entry.LengthBytes;
    }

    private void DropExpired(DateTimeOffset now)
    {
        while (_leaseEnds.TryPeek(out var id, out var end) && end <= now)
        {
            _leaseEnds.Dequeue();
            if (_leases.TryGetValue(id, out var lease) && lease.Expires <= now)
                _leases.Remove(id);
        }
    }

    private static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;

    private sealed class Lease(HashSet<BlockEntry> entries, DateTimeOffset expires)
    {
        public HashSet<BlockEntry> Entries { get; } = entries;

        public DateTimeOffset Expires { get; set; } = expires;
    }
}
