using System.Numerics;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Caching;

/// <summary>Values by key in native memory, up to a number of bytes; what is asked for once only goes first.</summary>
/// <remarks>
/// Holds only what the tree holds. Any thread may call any member; each shard has its lock. A value read from an older tree than
/// <see cref="Renew"/> named last is not taken in: it may have been replaced meanwhile.
/// </remarks>
internal sealed class ObjectCache : IDisposable
{
    private const int ShardsMax = 64;
    private const long ShardBytesMin = 256 << 10;

    private readonly ObjectShard[] _shards;
    private ulong _tree;

    /// <param name="bytesMax">Bytes to hold, index included; small numbers hold nothing.</param>
    public ObjectCache(long bytesMax)
    {
        var count = (int)Math.Min(ShardsMax, BitOperations.RoundUpToPowerOf2((ulong)(bytesMax / ShardBytesMin / 2 + 1)));
        _shards = bytesMax < ShardBytesMin ? [] : new ObjectShard[count];
        for (var i = 0; i < _shards.Length; i++)
            _shards[i] = new ObjectShard(bytesMax / count);
    }

    /// <summary>Bytes given to values and their index.</summary>
    public long Bytes => _shards.Sum(shard => shard.Bytes);

    /// <summary>Copies the value of a key, as far as it fits; false when it is not here.</summary>
    /// <param name="hash">Of the key: <see cref="KeyMix.Of"/>.</param>
    /// <param name="key">The key.</param>
    /// <param name="destination">Takes the value.</param>
    /// <param name="valueBytes">Its whole length.</param>
    public bool TryGet(ulong hash, ReadOnlySpan<byte> key, Span<byte> destination, out int valueBytes)
    {
        valueBytes = 0;
        if (_shards.Length == 0)
            return false;
        var shard = Shard(hash);
        lock (shard)
            return shard.TryGet(hash, key, destination, out valueBytes);
    }

    /// <summary>Takes in a value that was read from the tree of checkpoint <paramref name="tree"/>.</summary>
    public void Add(ulong hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong tree)
    {
        if (_shards.Length == 0)
            return;
        var shard = Shard(hash);
        lock (shard)
        {
            if (tree >= Volatile.Read(ref _tree))
                shard.Add(hash, key, value);
        }
    }

    /// <summary>From now on only values of this tree, or a newer one, come in; call before <see cref="Replace"/>.</summary>
    public void Renew(ulong tree) => Volatile.Write(ref _tree, tree);

    /// <summary>The value of a key changed: keeps the new one if the old one was here, forgets it when it is deleted.</summary>
    public void Replace(ulong hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool isDeleted)
    {
        if (_shards.Length == 0)
            return;
        var shard = Shard(hash);
        lock (shard)
        {
            if (isDeleted)
                shard.Remove(hash);
            else
                shard.Replace(hash, key, value);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var shard in _shards)
            shard.Dispose();
    }

    private ObjectShard Shard(ulong hash) => _shards[(int)(hash >> 32) & (_shards.Length - 1)];
}
