namespace Fathom.FarMemory.BlockStore;

/// <summary>The blocks of one namespace of a <see cref="FarBlockStore"/>.</summary>
public sealed class BlockNamespace : IBlocks
{
    private readonly FarBlockStore _store;

    internal BlockNamespace(FarBlockStore store, string name)
    {
        _store = store;
        Name = name;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public BlockStoreUsage Usage => new(_store.Count, _store.UsedBytes, _store.CapacityBytes, _store.EvictedBlocks, _store.LostBlocks);

    /// <summary>How many of the leading keys are there; holds those blocks for a time.</summary>
    /// <param name="keys">Keys in the order of the prefix.</param>
    /// <param name="leaseTime">How long nothing may evict or remove them.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time is not positive.</exception>
    public PrefixHit MatchPrefix(ReadOnlySpan<BlockKey> keys, TimeSpan leaseTime) => _store.MatchPrefix(Name, keys, leaseTime);

    /// <inheritdoc/>
    public ValueTask<PrefixHit> MatchPrefixAsync(
        ReadOnlyMemory<BlockKey> keys, TimeSpan leaseTime, TimeSpan timeout, CancellationToken cancellation = default) =>
        new(MatchPrefix(keys.Span, leaseTime));

    /// <inheritdoc/>
    public Task<BlockStatus[]> GetBatchAsync(
        IReadOnlyList<BlockKey> keys, IReadOnlyList<Memory<byte>> destinations, TimeSpan timeout, LeaseId? lease = null,
        CancellationToken cancellation = default)
    {
        CheckCounts(keys, destinations);
        return Task.WhenAll(keys.Select(async (key, i) => (await _store.GetAsync(Name, key, destinations[i], lease, timeout, cancellation)).Status));
    }

    /// <inheritdoc/>
    public Task<BlockStatus[]> PutBatchAsync(
        IReadOnlyList<BlockKey> keys, IReadOnlyList<ReadOnlyMemory<byte>> contents, TimeSpan timeout, CancellationToken cancellation = default)
    {
        CheckCounts(keys, contents);
        return Task.WhenAll(keys.Select((key, i) => _store.PutAsync(Name, key, contents[i], timeout, cancellation).AsTask()));
    }

    /// <summary>Whether a block is there.</summary>
    public bool Exists(BlockKey key) => _store.Exists(Name, key);

    /// <inheritdoc/>
    public BlockStatus Pin(BlockKey key) => _store.Pin(Name, key, 1);

    /// <inheritdoc/>
    public BlockStatus Unpin(BlockKey key) => _store.Pin(Name, key, -1);

    /// <inheritdoc/>
    public BlockStatus Remove(BlockKey key) => _store.Remove(Name, key);

    /// <summary>Copies one block out; its length counts when it is done.</summary>
    internal ValueTask<(BlockStatus Status, int LengthBytes)> GetAsync(BlockKey key, Memory<byte> destination, LeaseId? lease, TimeSpan timeout) =>
        _store.GetAsync(Name, key, destination, lease, timeout, CancellationToken.None);

    internal ValueTask<BlockStatus> PutAsync(BlockKey key, ReadOnlyMemory<byte> content, TimeSpan timeout) =>
        _store.PutAsync(Name, key, content, timeout, CancellationToken.None);

    internal static void CheckCounts<T>(IReadOnlyList<BlockKey> keys, IReadOnlyList<T> buffers)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(buffers);
        if (keys.Count != buffers.Count)
            throw new ArgumentException($"{keys.Count} keys and {buffers.Count} buffers.", nameof(buffers));
    }
}
