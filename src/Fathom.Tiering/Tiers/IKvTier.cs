using Fathom.Memory;

namespace Fathom.Tiering.Tiers;

/// <summary>One level of memory below the engine's own: immutable KV blocks by key, found by the longest stored prefix of a chain.</summary>
/// <remarks>
/// Any thread may call any member. Whatever goes wrong with a block is a status of that block; a device or a node that fails gives
/// <see cref="KvBlockStatus.Failed"/> and never an exception. An operation ends soon after its token is cancelled, and
/// <b>never touches the caller's memory after it has ended</b>. Content and destinations are native memory of the caller, aligned to
/// 4096 bytes, with room for the length rounded up to 4096: what lies behind the length may be overwritten by a read and is never
/// looked at. Reads are inclusive: the tier keeps its copy. Which blocks make way is the tier's policy (use and frequency); a lease keeps
/// blocks until it is released or <see cref="LeaseTime"/> is over, so a lost caller holds nothing for ever.
/// </remarks>
public interface IKvTier : IAsyncDisposable
{
    /// <summary>Short name for metrics and messages: "far", "storage".</summary>
    string Name { get; }

    /// <summary>What it holds now. Cheap.</summary>
    KvTierUsage Usage { get; }

    /// <summary>Longest time that a lease lasts.</summary>
    TimeSpan LeaseTime { get; }

    /// <summary>Finds how much of a chain is stored, counts that as a use of those blocks, and holds them.</summary>
    /// <param name="root">The chain's root.</param>
    /// <param name="chain">Keys from the root on, each the child of the one before; unchanged until the end. Not empty.</param>
    /// <param name="cancellation">Gives up; the match is then <see cref="KvPrefixMatch.Failed"/>.</param>
    ValueTask<KvPrefixMatch> MatchPrefixAsync(KvBlockKey root, ReadOnlyMemory<KvBlockKey> chain, CancellationToken cancellation);

    /// <summary>Gives up a hold. A lease that is over, or default, is no error.</summary>
    void Release(KvLease lease);

    /// <summary>Copies blocks into the caller's memory, side by side.</summary>
    /// <param name="keys">The blocks.</param>
    /// <param name="destinations">A place for each; its length is the block's.</param>
    /// <param name="statuses">Receives a status for each key, in order.</param>
    /// <param name="cancellation">Gives up; blocks that are not there yet get <see cref="KvBlockStatus.Cancelled"/>.</param>
    ValueTask GetBatchAsync(
        ReadOnlyMemory<KvBlockKey> keys, ReadOnlyMemory<NativeView> destinations, Memory<KvBlockStatus> statuses, CancellationToken cancellation);

    /// <summary>Stores blocks. When it ends with <see cref="KvBlockStatus.Done"/> a block can be matched if all before it in its chain can.</summary>
    /// <param name="blocks">The blocks; parents before their children where both are in the batch.</param>
    /// <param name="statuses">Receives a status for each block, in order.</param>
    /// <param name="cancellation">Gives up; a block is stored whole or not at all.</param>
    ValueTask PutBatchAsync(ReadOnlyMemory<KvBlockPut> blocks, Memory<KvBlockStatus> statuses, CancellationToken cancellation);

    /// <summary>Forgets a block that nobody holds.</summary>
    /// <returns><see cref="KvBlockStatus.Done"/>, <see cref="KvBlockStatus.Missing"/> or <see cref="KvBlockStatus.Held"/>.</returns>
    KvBlockStatus Remove(KvBlockKey key);
}
