using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.BlockLog.Segments;

/// <summary>Holds on segments by matches, each for a limited time.</summary>
/// <remarks>Any thread may call any member.</remarks>
internal sealed class LeaseTable(SegmentTable segments, TimeSpan leaseTime, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, Lease> _leases = [];
    private long _last;

    /// <summary>Takes over the pins of a match.</summary>
    public KvLease Add(List<LogSegment> pinned, ReadOnlyMemory<KvBlockKey> keys)
    {
        DropExpired();
        lock (_lock)
        {
            var lease = new KvLease(++_last);
            _leases.Add(lease.Value, new Lease(pinned, keys.ToArray(), time.GetUtcNow() + leaseTime));
            return lease;
        }
    }

    public void Release(KvLease lease)
    {
        Lease? held;
        lock (_lock)
        {
            if (!_leases.Remove(lease.Value, out held))
                return;
        }
        held.Pinned.ForEach(segments.Unpin);
    }

    /// <summary>Whether a lease holds a block.</summary>
    public bool Holds(KvBlockKey key)
    {
        DropExpired();
        lock (_lock)
            return _leases.Values.Any(lease => Array.IndexOf(lease.Keys, key) >= 0);
    }

    public void DropExpired()
    {
        var now = time.GetUtcNow();
        List<Lease>? expired = null;
        lock (_lock)
        {
            foreach (var (id, lease) in _leases)
            {
                if (lease.Expires > now)
                    continue;
                (expired ??= []).Add(lease);
                _leases.Remove(id);
            }
        }
        expired?.ForEach(lease => lease.Pinned.ForEach(segments.Unpin));
    }

    private sealed record Lease(List<LogSegment> Pinned, KvBlockKey[] Keys, DateTimeOffset Expires);
}
