using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.Stores;

/// <summary>Keys that were given to the tiers lately; beyond a number the oldest is forgotten.</summary>
/// <remarks>Any thread; one lock. Forgetting too early costs a copy that the tiers then refuse, nothing else.</remarks>
internal sealed class StoredKeys(int keysMax)
{
    private readonly Lock _lock = new();
    private readonly HashSet<KvBlockKey> _keys = [];
    private readonly Queue<KvBlockKey> _order = new();

    public bool Contains(KvBlockKey key)
    {
        lock (_lock)
            return _keys.Contains(key);
    }

    public void Add(KvBlockKey key)
    {
        lock (_lock)
        {
            if (!_keys.Add(key))
                return;
            _order.Enqueue(key);
            while (_order.Count > keysMax)
                _keys.Remove(_order.Dequeue());
        }
    }

    public void Remove(ReadOnlySpan<KvBlockKey> keys)
    {
        lock (_lock)
        {
            foreach (var key in keys)
                _keys.Remove(key);
        }
    }
}
