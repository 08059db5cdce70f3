using System.Threading.Channels;
using Fathom.Tiering.Loads;
using Fathom.Tiering.Metrics;
using Fathom.Tiering.Tiers;
using Microsoft.Extensions.Logging;

namespace Fathom.Tiering.Stores;

/// <summary>Blocks on their way out: one bounded memory, one queue and one writer for each tier, so that a slow tier holds up no other.</summary>
/// <remarks>
/// The engine's thread calls <see cref="Begin"/> and <see cref="End"/>; any thread the rest. Each place is returned by the last tier that
/// is done with it. A queue has room for every place, so that offering never waits.
/// </remarks>
internal sealed class WriteBehind : IAsyncDisposable
{
    private readonly KvTieringOptions _options;
    private readonly StagingMemory _memory;
    private readonly TieringMetrics _metrics;
    private readonly ILogger _logger;
    private readonly StoredKeys _stored;
    private readonly Channel<Outgoing>[] _queues;
    private readonly Task[] _writers;
    private Outgoing? _begun;

    public WriteBehind(KvTieringOptions options, IReadOnlyList<WatchedTier> tiers, TieringMetrics metrics, ILogger logger)
    {
        _options = options;
        _metrics = metrics;
        _logger = logger;
        _memory = new StagingMemory((int)Math.Min(options.StoreMemoryBytes / options.BlockBytes, int.MaxValue / 2), options.BlockBytes);
        _stored = new StoredKeys(Math.Max(4096, 4 * _memory.Blocks));
        _queues = [.. tiers.Select(_ => Channel.CreateBounded<Outgoing>(new BoundedChannelOptions(_memory.Blocks) { SingleReader = true, SingleWriter = true }))];
        _writers = [.. tiers.Select((tier, i) => Task.Run(() => WriteAsync(tier, _queues[i].Reader)))];
    }

    /// <summary>Room for a block that no tier was given lately; empty when there is none, or it was.</summary>
    public Span<byte> Begin(KvBlockKey key, KvBlockKey parent, int depth)
    {
        if (_stored.Contains(key))
            return [];
        if (!_memory.TryRent(out var place))
        {
            _metrics.Dropped(1);
            return [];
        }
        _begun = new Outgoing(new KvBlockPut(key, parent, depth, _memory.View(place)), place, _queues.Length);
        return _begun.Put.Content.AsSpan<byte>();
    }

    public void End()
    {
        var block = _begun ?? throw new InvalidOperationException("No store was begun.");
        _begun = null;
        _stored.Add(block.Put.Key);
        foreach (var queue in _queues)
        {
            if (!queue.Writer.TryWrite(block))
                Done(block); // closed
        }
    }

    /// <summary>These blocks were not to be had: they may be stored again.</summary>
    public void Forget(ReadOnlySpan<KvBlockKey> keys) => _stored.Remove(keys);

    /// <summary>Waits until what was offered before is written or given up.</summary>
    public async Task DrainAsync(CancellationToken cancellation)
    {
        if (await _memory.RentAsync(_memory.Blocks, cancellation) is { } all)
            _memory.Return(all);
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Gives up what is queued, ends what is being written.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var queue in _queues)
        {
            queue.Writer.TryComplete();
            while (queue.Reader.TryRead(out var block))
                Done(block);
        }
        await Task.WhenAll(_writers);
        _memory.Dispose();
    }

    private async Task WriteAsync(WatchedTier tier, ChannelReader<Outgoing> queue)
    {
        var batch = new List<Outgoing>(_options.StoreBatch);
        var puts = new KvBlockPut[_options.StoreBatch];
        var statuses = new KvBlockStatus[_options.StoreBatch];
        while (await queue.WaitToReadAsync())
        {
            while (batch.Count < puts.Length && queue.TryRead(out var block))
            {
                puts[batch.Count] = block.Put;
                batch.Add(block);
            }
            if (batch.Count == 0)
                continue;
            try
            {
                await tier.StoreAsync(puts.AsMemory(0, batch.Count), statuses.AsMemory(0, batch.Count));
            }
            catch (Exception failure)
            {
                // The boundary to tiers that others write: what could not be stored is a lost opportunity.
                _logger.StoreFailed(failure, tier.Name);
                tier.Account.NotStored(batch.Count);
            }
            foreach (var block in batch)
                Done(block);
            batch.Clear();
        }
    }

    private void Done(Outgoing block)
    {
        if (block.EndOne())
            _memory.Return([block.Place]);
    }

    private sealed class Outgoing(KvBlockPut put, int place, int tiers)
    {
        private int _left = tiers;

        public KvBlockPut Put { get; } = put;

        public int Place { get; } = place;

        /// <summary>True for the last tier.</summary>
        public bool EndOne() => Interlocked.Decrement(ref _left) == 0;
    }
}
