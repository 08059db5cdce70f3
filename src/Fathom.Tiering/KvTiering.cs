using System.Diagnostics.Metrics;
using Fathom.Serving.KvCache;
using Fathom.Tiering.Loads;
using Fathom.Tiering.Metrics;
using Fathom.Tiering.Stores;
using Fathom.Tiering.Tiers;
using Microsoft.Extensions.Logging;

namespace Fathom.Tiering;

/// <summary>The tiers below one engine's KV blocks: what an engine lacks comes from the fastest tier that has it, what it computes goes to all.</summary>
/// <remarks>
/// Dispose it after the engine and before the tiers, which stay the caller's. Any thread may call any member, except
/// <see cref="BeginStore"/> and <see cref="EndStore"/>: the engine's loop thread.
/// </remarks>
public sealed class KvTiering : IKvTiers, IAsyncDisposable
{
    private readonly KvTieringOptions _options;
    private readonly WatchedTier[] _tiers;
    private readonly TieringMetrics _metrics;
    private readonly WriteBehind _stores;
    private readonly StagingMemory _memory;
    private readonly LoadGround _loads;

    /// <summary>Begins to move blocks.</summary>
    /// <param name="options">Sizes and bounds.</param>
    /// <param name="tiers">Fastest first; at least one.</param>
    /// <param name="meters">Where the meter comes from.</param>
    /// <param name="modelName">Value of the tag <c>model_name</c>.</param>
    /// <param name="logger">Where tiers that fail are named.</param>
    /// <param name="time">Clock of deadlines and pauses; the system's when null.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public KvTiering(
        KvTieringOptions options, IReadOnlyList<IKvTier> tiers, IMeterFactory meters, string modelName, ILogger logger, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(tiers);
        ArgumentNullException.ThrowIfNull(meters);
        ArgumentNullException.ThrowIfNull(modelName);
        ArgumentNullException.ThrowIfNull(logger);
        ArgumentOutOfRangeException.ThrowIfZero(tiers.Count);
        options.Check();
        _options = options;
        _metrics = new TieringMetrics(meters, modelName);
        var clock = time ?? TimeProvider.System;
        _tiers = [.. tiers.Select(tier => new WatchedTier(tier, options, _metrics, clock, logger))];
        _stores = new WriteBehind(options, _tiers, _metrics, logger);
        _memory = new StagingMemory((int)Math.Min(options.LoadMemoryBytes / options.BlockBytes, int.MaxValue / 2), options.BlockBytes);
        _loads = new LoadGround(options, _tiers, _memory, _stores, clock, logger);
    }

    /// <inheritdoc/>
    public UInt128 Root => _options.Root.Hash;

    /// <summary>Blocks that were not offered to any tier because too many were on their way.</summary>
    public long DroppedBlocks => _metrics.DroppedBlocks;

    /// <summary>The tiers as they stand, fastest first.</summary>
    public IReadOnlyList<KvTierReport> Report() =>
        [.. _tiers.Select(tier => new KvTierReport(tier.Name, tier.Usage, tier.Account.Totals, tier.IsPaused))];

    /// <inheritdoc/>
    public IKvLoad? Load(ReadOnlyMemory<UInt128> chain, int first, double recomputeSeconds)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)first, (uint)chain.Length, nameof(first));
        var load = new PrefixLoad(_loads, chain.Span, first, recomputeSeconds);
        _ = load.RunAsync();
        if (!load.Completion.IsCompleted || load.Blocks > 0)
            return load;
        load.Dispose();
        return null;
    }

    /// <inheritdoc/>
    public Span<byte> BeginStore(UInt128 name, UInt128 parent, int depth) =>
        _stores.Begin(new KvBlockKey(name), new KvBlockKey(parent), depth);

    /// <inheritdoc/>
    public void EndStore() => _stores.End();

    /// <summary>Waits until every block that was stored before is written, or given up.</summary>
    public Task DrainAsync(CancellationToken cancellation = default) => _stores.DrainAsync(cancellation);

    /// <summary>Gives up what is queued for the tiers and waits for what is being written.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stores.DisposeAsync();
        _memory.Dispose();
    }
}
