namespace Fathom.FarMemory.BlockStore;

/// <summary>The blocks of one namespace, in this process or behind a connection.</summary>
/// <remarks>
/// Any thread may call any member. Buffers belong to the caller and must stay unchanged until a call has ended; none is touched after that.
/// Whatever goes wrong with a block is a status of that block; a store that cannot be reached gives <see cref="BlockStatus.Unreachable"/>.
/// </remarks>
public interface IBlocks
{
    /// <summary>The namespace.</summary>
    string Name { get; }

    /// <summary>What the store holds, of all namespaces; behind a connection as it was a short time ago. Cheap.</summary>
    BlockStoreUsage Usage { get; }

    /// <summary>How many of the leading keys are there; holds those blocks for a time.</summary>
    /// <param name="keys">Keys in the order of the prefix.</param>
    /// <param name="leaseTime">How long nothing may evict or remove them.</param>
    /// <param name="timeout">Bound of the call.</param>
    /// <param name="cancellation">Gives up.</param>
    ValueTask<PrefixHit> MatchPrefixAsync(
        ReadOnlyMemory<BlockKey> keys, TimeSpan leaseTime, TimeSpan timeout, CancellationToken cancellation = default);

    /// <summary>Copies blocks out, side by side.</summary>
    /// <param name="keys">The blocks.</param>
    /// <param name="destinations">A buffer for each, at least as long as the block.</param>
    /// <param name="timeout">Bound of each read.</param>
    /// <param name="lease">When given, the read succeeds only for blocks that it covers from beginning to end.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>A status for each key, in order.</returns>
    /// <exception cref="ArgumentException">Not as many destinations as keys.</exception>
    Task<BlockStatus[]> GetBatchAsync(
        IReadOnlyList<BlockKey> keys, IReadOnlyList<Memory<byte>> destinations, TimeSpan timeout, LeaseId? lease = null,
        CancellationToken cancellation = default);

    /// <summary>Stores blocks, side by side. A key that is there stays as it is.</summary>
    /// <param name="keys">Their keys.</param>
    /// <param name="contents">Their bytes.</param>
    /// <param name="timeout">Bound of each write.</param>
    /// <param name="cancellation">Gives up; a block is stored whole or not at all.</param>
    /// <returns>A status for each key, in order.</returns>
    /// <exception cref="ArgumentException">Not as many contents as keys.</exception>
    Task<BlockStatus[]> PutBatchAsync(
        IReadOnlyList<BlockKey> keys, IReadOnlyList<ReadOnlyMemory<byte>> contents, TimeSpan timeout, CancellationToken cancellation = default);

    /// <summary>Keeps a block from eviction and removal until it is unpinned as often as it was pinned.</summary>
    /// <returns><see cref="BlockStatus.Done"/>, <see cref="BlockStatus.Missing"/> or <see cref="BlockStatus.Unreachable"/>.</returns>
    BlockStatus Pin(BlockKey key);

    /// <summary>Takes one pin off.</summary>
    /// <returns><see cref="BlockStatus.Done"/>, <see cref="BlockStatus.Missing"/> or <see cref="BlockStatus.Unreachable"/>.</returns>
    BlockStatus Unpin(BlockKey key);

    /// <summary>Removes a block that nobody holds; a read that has begun still gets its bytes.</summary>
    /// <returns>
    /// <see cref="BlockStatus.Done"/>, <see cref="BlockStatus.Missing"/>, <see cref="BlockStatus.Held"/>,
    /// <see cref="BlockStatus.BeingWritten"/> or <see cref="BlockStatus.Unreachable"/>.
    /// </returns>
    BlockStatus Remove(BlockKey key);
}

/// <summary>What a block store holds.</summary>
/// <param name="Blocks">Blocks, those being written included.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="CapacityBytes">Most bytes that it keeps.</param>
/// <param name="EvictedBlocks">Blocks that made room for others so far.</param>
/// <param name="LostBlocks">Blocks whose bytes were gone or wrong when they were read, so far.</param>
public readonly record struct BlockStoreUsage(long Blocks, long Bytes, long CapacityBytes, long EvictedBlocks, long LostBlocks);
