namespace Fathom.Storage.KeyValue.Caching;

/// <summary>
/// One shard of the object cache. What comes for the first time waits in a short ring; what is used there, or comes again soon after it
/// left, goes to the long one, which many values that are asked for once can then not empty. As long as the long one is not full, all go there.
/// </summary>
/// <remarks>Not safe for several threads: its lock guards it. Source: Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023.</remarks>
internal sealed class ObjectShard : IDisposable
{
    /// <summary>Part of the bytes that newcomers get.</summary>
    private const int NewPart = 10;

    private readonly ObjectRing _kept;
    private readonly ObjectRing _new;
    private readonly GhostQueue _ghosts = new();

    /// <param name="bytesMax">Bytes to hold, index included.</param>
    public ObjectShard(long bytesMax)
    {
        _kept = new ObjectRing(bytesMax - bytesMax / NewPart);
        _new = new ObjectRing(bytesMax / NewPart);
    }

    /// <summary>Bytes in use, with the index and room for ghosts.</summary>
    public long Bytes => _kept.Bytes + _new.Bytes;

    /// <summary>Copies the value of a key, as far as it fits; false when it is not here.</summary>
    public bool TryGet(ulong hash, ReadOnlySpan<byte> key, Span<byte> destination, out int valueBytes) =>
        _kept.TryGet(hash, key, destination, out valueBytes) || _new.TryGet(hash, key, destination, out valueBytes);

    /// <summary>Takes a value in, in place of the one that it may have of that key.</summary>
    public void Add(ulong hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        // First of all the old value goes from both rings: making room must not carry it over beside the new one.
        var isWorthKeeping = _kept.Remove(hash) | _ghosts.Remove(hash);
        _new.Remove(hash);
        if (isWorthKeeping || !_new.CanHold(key.Length, value.Length))
        {
            _kept.Add(hash, key, value);
            return;
        }
        while (!_new.HasRoom(key.Length, value.Length))
        {
            if (_new.TakeOldest(out var oldest, out var isUsed, out var oldKey, out var oldValue))
            {
                if (isUsed || _kept.HasRoom(oldKey.Length, oldValue.Length))
                    _kept.Add(oldest, oldKey, oldValue);
                else
                    _ghosts.Add(oldest, _kept.Count);
            }
        }
        _new.Add(hash, key, value);
    }

    /// <summary>Forgets a value; true when it was here.</summary>
    public bool Remove(ulong hash) => _kept.Remove(hash) | _new.Remove(hash);

    /// <summary>A new value for a key that may be here: it stays where the old one was.</summary>
    public void Replace(ulong hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var wasKept = _kept.Remove(hash);
        var wasNew = _new.Remove(hash);
        if (wasKept)
            _kept.Add(hash, key, value);
        else if (wasNew)
            Add(hash, key, value);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _kept.Dispose();
        _new.Dispose();
    }
}
