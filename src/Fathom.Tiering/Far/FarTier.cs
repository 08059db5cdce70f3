using System.Runtime.InteropServices;
using Fathom.FarMemory.BlockStore;
using Fathom.Memory;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.Far;

/// <summary>Far memory as a tier: blocks in a block store over memory nodes, of this process or shared with others.</summary>
/// <remarks>Any thread. The store stays the caller's; disposing the tier changes nothing about it.</remarks>
public sealed class FarTier : IKvTier
{
    /// <summary>Namespace of the blocks: keys name model, format and layout themselves, so that one holds blocks of all.</summary>
    public const string Namespace = "kv";

    private readonly IBlocks _blocks;
    private readonly TimeSpan _transferTime;

    /// <summary>A tier over a store.</summary>
    /// <param name="blocks">Where the blocks go.</param>
    /// <param name="transferTime">Bound of each look-up, read and write.</param>
    public FarTier(IBlocks blocks, TimeSpan transferTime)
    {
        ArgumentNullException.ThrowIfNull(blocks);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(transferTime, TimeSpan.Zero);
        _blocks = blocks;
        _transferTime = transferTime;
    }

    /// <inheritdoc/>
    public string Name => "far";

    /// <inheritdoc/>
    public KvTierUsage Usage
    {
        get
        {
            var usage = _blocks.Usage;
            return new KvTierUsage(usage.Blocks, usage.Bytes, usage.CapacityBytes, usage.EvictedBlocks, usage.LostBlocks);
        }
    }

    /// <inheritdoc/>
    public TimeSpan LeaseTime { get; } = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public async ValueTask<KvPrefixMatch> MatchPrefixAsync(KvBlockKey root, ReadOnlyMemory<KvBlockKey> chain, CancellationToken cancellation)
    {
        var keys = MemoryMarshal.Cast<KvBlockKey, BlockKey>(chain.Span).ToArray();
        var hit = await _blocks.MatchPrefixAsync(keys, LeaseTime, _transferTime, cancellation);
        return hit.HasFailed ? KvPrefixMatch.Failed : new KvPrefixMatch(hit.Blocks, new KvLease(hit.Lease.Value));
    }

    /// <inheritdoc/>
    /// <remarks>Leases of the store end by themselves.</remarks>
    public void Release(KvLease lease)
    {
        // Nothing to do before LeaseTime is over.
    }

    /// <inheritdoc/>
    public async ValueTask GetBatchAsync(
        ReadOnlyMemory<KvBlockKey> keys, ReadOnlyMemory<NativeView> destinations, Memory<KvBlockStatus> statuses, CancellationToken cancellation)
    {
        var names = new BlockKey[keys.Length];
        var buffers = new Memory<byte>[keys.Length];
        for (var i = 0; i < names.Length; i++)
        {
            names[i] = new BlockKey(keys.Span[i].Hash);
            buffers[i] = new NativeViewMemory(destinations.Span[i]).Memory;
        }
        var results = await _blocks.GetBatchAsync(names, buffers, _transferTime, lease: null, cancellation);
        for (var i = 0; i < results.Length; i++)
            statuses.Span[i] = StatusOf(results[i]);
    }

    /// <inheritdoc/>
    public async ValueTask PutBatchAsync(ReadOnlyMemory<KvBlockPut> blocks, Memory<KvBlockStatus> statuses, CancellationToken cancellation)
    {
        var names = new BlockKey[blocks.Length];
        var contents = new ReadOnlyMemory<byte>[blocks.Length];
        for (var i = 0; i < names.Length; i++)
        {
            names[i] = new BlockKey(blocks.Span[i].Key.Hash);
            contents[i] = new NativeViewMemory(blocks.Span[i].Content).Memory;
        }
        var results = await _blocks.PutBatchAsync(names, contents, _transferTime, cancellation);
        for (var i = 0; i < results.Length; i++)
            statuses.Span[i] = StatusOf(results[i]);
    }

    /// <inheritdoc/>
    public KvBlockStatus Remove(KvBlockKey key) => StatusOf(_blocks.Remove(new BlockKey(key.Hash)));

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static KvBlockStatus StatusOf(BlockStatus status) => status switch
    {
        BlockStatus.Done => KvBlockStatus.Done,
        BlockStatus.AlreadyThere or BlockStatus.BeingWritten => KvBlockStatus.AlreadyThere,
        BlockStatus.Missing or BlockStatus.LeaseExpired => KvBlockStatus.Missing,
        BlockStatus.DestinationTooShort or BlockStatus.TooLong => KvBlockStatus.WrongLength,
        BlockStatus.NoRoom => KvBlockStatus.NoRoom,
        BlockStatus.Held => KvBlockStatus.Held,
        BlockStatus.Cancelled => KvBlockStatus.Cancelled,
        _ => KvBlockStatus.Failed,
    };
}
