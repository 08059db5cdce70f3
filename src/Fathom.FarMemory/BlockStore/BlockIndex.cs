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

    public LinkedListNode<BlockEntry>? Use { get; set; }
}

/// <summary>Which blocks there are, who holds them, and which goes first: the store's state without its bytes.</summary>
/// <remarks>Synchronous and without a clock: the store calls it under its lock and passes the time.</remarks>
internal sealed class BlockIndex(long capacityBytes)
{
    private readonly Dictionary<(string Namespace, BlockKey Key), BlockEntry> _entries = [];
    private readonly LinkedList<BlockEntry> _byUse = new(); // least recently used first
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
        entry.Use = _byUse.AddLast(entry);
    }

    /// <summary>Takes a block out of the index.</summary>
    public void Remove(BlockEntry entry)
    {
        if (entry.IsRemoved)
            return;
        entry.IsRemoved = true;
        _entries.Remove((entry.Namespace, entry.Key));
        if (entry.Use is { } use)
            _byUse.Remove(use);
        UsedBytes -= entry.LengthBytes;
    }

    public void Touch(BlockEntry entry)
    {
        if (entry.Use is not { } use || entry.IsRemoved)
            return;
        _byUse.Remove(use);
        _byUse.AddLast(use);
    }

    /// <summary>Takes out the least recently used blocks that nobody holds, until some bytes are free.</summary>
    public bool MakeRoom(long bytes, DateTimeOffset now, List<BlockEntry> evicted)
    {
        for (var node = _byUse.First; node is not null && UsedBytes + bytes > capacityBytes;)
        {
            var entry = node.Value;
            node = node.Next;
            if (entry.Pins > 0 || entry.LeasedUntil > now)
                continue;
            Remove(entry);
            evicted.Add(entry);
        }
        return UsedBytes + bytes <= capacityBytes;
    }

    /// <summary>Takes out the least recently used block that nobody holds.</summary>
    public BlockEntry? EvictOne(DateTimeOffset now)
    {
        for (var node = _byUse.First; node is not null; node = node.Next)
        {
            if (node.Value.Pins > 0 || node.Value.LeasedUntil > now)
                continue;
            var entry = node.Value;
            Remove(entry);
            return entry;
        }
        return null;
    }

    public IReadOnlyCollection<BlockEntry> All() => _entries.Values;

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
