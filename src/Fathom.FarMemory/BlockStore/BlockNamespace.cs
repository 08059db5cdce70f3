namespace Fathom.FarMemory.BlockStore;

/// <summary>The blocks of one namespace of a <see cref="FarBlockStore"/>.</summary>
/// <remarks>Any thread may call any member. Buffers belong to the caller and must stay unchanged until a call has ended.</remarks>
public sealed class BlockNamespace
{
    private readonly FarBlockStore _store;

    internal BlockNamespace(FarBlockStore store, string name)
    {
        _store = store;
        Name = name;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>How many of the leading keys are there; holds those blocks for a time.</summary>
    /// <param name="keys">Keys in the order of the prefix.</param>
    /// <param name="leaseTime">How long nothing may evict or remove them.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time is not positive.</exception>
    public PrefixHit MatchPrefix(ReadOnlySpan<BlockKey> keys, TimeSpan leaseTime) => _store.MatchPrefix(Name, keys, leaseTime);

    /// <summary>Copies blocks out, side by side.</summary>
    /// <param name="keys">The blocks.</param>
    /// <param name="destinations">A buffer for each, at least as long as the block.</param>
    /// <param name="timeout">Bound of each read.</param>
    /// <param name="lease">When given, the read succeeds only for blocks that it covers from beginning to end.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>A status for each key, in order.</returns>
    /// <exception cref="ArgumentException">Not as many destinations as keys.</exception>
    public Task<BlockStatus[]> GetBatchAsync(
        IReadOnlyList<BlockKey> keys, IReadOnlyList<Memory<byte>> destinations, TimeSpan timeout, LeaseId? lease = null,
        CancellationToken cancellation = default)
    {
        CheckCounts(keys, destinations);
        return Task.WhenAll(keys.Select((key, i) => _store.GetAsync(Name, key, destinations[i], lease, timeout, cancellation).AsTask()));
    }

    /// <summary>Stores blocks, side by side. A key that is there stays as it is.</summary>
    /// <param name="keys">Their keys.</param>
    /// <param name="contents">Their bytes.</param>
    /// <param name="timeout">Bound of each write to the pool.</param>
    /// <param name="cancellation">Gives up; a block is stored whole or not at all.</param>
    /// <returns>A status for each key, in order.</returns>
    /// <exception cref="ArgumentException">Not as many contents as keys.</exception>
    public Task<BlockStatus[]> PutBatchAsync(
        IReadOnlyList<BlockKey> keys, IReadOnlyList<ReadOnlyMemory<byte>> contents, TimeSpan timeout, CancellationToken cancellation = default)
    {
        CheckCounts(keys, contents);
        return Task.WhenAll(keys.Select((key, i) => _store.PutAsync(Name, key, contents[i], timeout, cancellation).AsTask()));
    }

    /// <summary>Whether a block is there.</summary>
    public bool Exists(BlockKey key) => _store.Exists(Name, key);

    /// <summary>Keeps a block from eviction and removal until it is unpinned as often as it was pinned.</summary>
    /// <returns><see cref="BlockStatus.Done"/> or <see cref="BlockStatus.Missing"/>.</returns>
    public BlockStatus Pin(BlockKey key) => _store.Pin(Name, key, 1);

    /// <summary>Takes one pin off.</summary>
    /// <returns><see cref="BlockStatus.Done"/>, or <see cref="BlockStatus.Missing"/> when there is no such block or no pin on it.</returns>
    public BlockStatus Unpin(BlockKey key) => _store.Pin(Name, key, -1);

    /// <summary>Removes a block that nobody holds; a read that has begun still gets its bytes.</summary>
    /// <returns>
    /// <see cref="BlockStatus.Done"/>, <see cref="BlockStatus.Missing"/>, <see cref="BlockStatus.Held"/> or
    /// <see cref="BlockStatus.BeingWritten"/>.
    /// </returns>
    public BlockStatus Remove(BlockKey key) => _store.Remove(Name, key);

    private static void CheckCounts<T>(IReadOnlyList<BlockKey> keys, IReadOnlyList<T> buffers)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(buffers);
        if (keys.Count != buffers.Count)
            throw new ArgumentException($"{keys.Count} keys and {buffers.Count} buffers.", nameof(buffers));
    }
}
