using Fathom.Tiering.BlockLog.Format;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.BlockLog.Index;

/// <summary>Places of blocks that were matched or stored lately, and parents that children wait for. Bounded: the oldest are forgotten.</summary>
/// <remarks>
/// Any thread may call any member. It is no cache of the index: look-ups do not ask it. It saves a read what its match found out, and tells
/// where the parent of a new block stands.
/// </remarks>
internal sealed class KnownBlocks(int blocksMax)
{
    private const int OrphansMax = 4096;

    private readonly Lock _lock = new();
    private readonly HashSet<KvBlockKey> _awaited = [];
    private Dictionary<KvBlockKey, BlockPlace> _young = [];
    private Dictionary<KvBlockKey, BlockPlace> _old = [];

    public void Add(KvBlockKey key, in BlockPlace place)
    {
        lock (_lock)
            AddYoung(key, place);
    }

    /// <summary>Takes over what a match found.</summary>
    public void AddRange(ReadOnlySpan<KvBlockKey> keys, ReadOnlySpan<BlockPlace> places)
    {
        lock (_lock)
        {
            for (var i = 0; i < keys.Length; i++)
                AddYoung(keys[i], places[i]);
        }
    }

    public bool TryGet(KvBlockKey key, out BlockPlace place)
    {
        lock (_lock)
        {
            if (_young.TryGetValue(key, out place))
                return true;
            if (!_old.TryGetValue(key, out place))
                return false;
            AddYoung(key, place);
            return true;
        }
    }

    public void Remove(KvBlockKey key)
    {
        lock (_lock)
        {
            _young.Remove(key);
            _old.Remove(key);
        }
    }

    /// <summary>A child was stored whose parent was not known.</summary>
    public void Await(KvBlockKey parent)
    {
        lock (_lock)
        {
            if (_awaited.Count < OrphansMax)
                _awaited.Add(parent);
        }
    }

    /// <summary>Whether children of a block were stored before it was known.</summary>
    public bool IsAwaited(KvBlockKey key)
    {
        lock (_lock)
            return _awaited.Count > 0 && _awaited.Contains(key);
    }

    public void Found(KvBlockKey key)
    {
        lock (_lock)
            _awaited.Remove(key);
    }

    private void AddYoung(KvBlockKey key, in BlockPlace place)
    {
        if (_young.Count >= blocksMax)
            (_old, _young) = (_young, []);
        _young[key] = place;
    }
}
