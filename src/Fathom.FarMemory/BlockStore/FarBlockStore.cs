using Fathom.FarMemory.Pool;

namespace Fathom.FarMemory.BlockStore;

/// <summary>
/// Immutable blocks in far memory, found by hash: KV caches of prompts, and any other bytes that can be made again when they are gone.
/// </summary>
/// <remarks>
/// <code>
/// using var store = new FarBlockStore(pool, new BlockStoreOptions { CapacityBytes = 8L &lt;&lt; 30 });
/// BlockNamespace blocks = store.Open("llama-3.1-8b/bf16/tp0");
/// PrefixHit hit = blocks.MatchPrefix(keys, TimeSpan.FromSeconds(5));
/// await blocks.GetBatchAsync(keys[..hit.Blocks], buffers, statuses, timeout, hit.Lease);
/// </code>
/// Reads are inclusive: the far copy stays. A block is striped over one span set where it fits, checked by a checksum of its own besides
/// the spans', and evicted least recently used first, unless a pin, a lease or a reader holds it. Whatever goes wrong with a block is a
/// status of that block. Any thread may call any member. The store does not own the pool; disposing it releases all blocks.
/// </remarks>
public sealed class FarBlockStore : IDisposable
{
    private readonly BlockStoreOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new(); // guards the index and the entries in it
    private readonly BlockIndex _index;
    private readonly StripedBlocks _blocks;
    private readonly BlockEvents _events;
    private long _evicted;
    private long _lost;
    private bool _disposed;

    /// <summary>An empty store.</summary>
    /// <param name="pool">Where blocks go; stays the caller's.</param>
    /// <param name="options">Sizes and bounds.</param>
    /// <param name="time">Clock of the leases; the system's when null.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public FarBlockStore(IFarPool pool, BlockStoreOptions options, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(pool);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        _options = options;
        _time = time ?? TimeProvider.System;
        _index = new BlockIndex(options.CapacityBytes);
        _blocks = new StripedBlocks(pool, options.PieceBytesMax, options.TransfersMax);
        _events = new BlockEvents(options.EventsMax);
    }

    /// <summary>Number of blocks, those being written included.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _index.Count;
        }
    }

    /// <summary>Bytes of those blocks.</summary>
    public long UsedBytes
    {
        get
        {
            lock (_lock)
                return _index.UsedBytes;
        }
    }

    /// <summary>Most bytes of blocks that it keeps.</summary>
    public long CapacityBytes => _options.CapacityBytes;

    /// <summary>Blocks that made room for others so far.</summary>
    public long EvictedBlocks => Interlocked.Read(ref _evicted);

    /// <summary>Blocks whose bytes were gone or wrong when they were read, so far.</summary>
    public long LostBlocks => Interlocked.Read(ref _lost);

    /// <summary>The blocks of one kind: model, number format, layout, whatever two users of one key must agree on.</summary>
    /// <param name="name">Any text; equal names are the same namespace.</param>
    public BlockNamespace Open(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return new BlockNamespace(this, name);
    }

    /// <summary>What happens to blocks of all namespaces from now on. Bounded: a slow reader is told how much it missed.</summary>
    /// <param name="cancellation">Ends the stream.</param>
    public IAsyncEnumerable<BlockEvent> Events(CancellationToken cancellation = default) => _events.Subscribe(cancellation);

    /// <summary>Lengthens a lease from now.</summary>
    /// <returns>False when it has ended.</returns>
    public bool RenewLease(LeaseId lease, TimeSpan leaseTime)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(leaseTime, TimeSpan.Zero);
        lock (_lock)
            return _index.Renew(lease, leaseTime, _time.GetUtcNow());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        List<BlockEntry> all;
        lock (_lock)
        {
            if (_disposed)
                return;
            _disposed = true;
            all = [.. _index.All()];
            foreach (var entry in all)
                _index.Remove(entry);
        }
        foreach (var entry in all)
            ReleaseUnlessRead(entry);
        _events.Close();
        _blocks.Dispose();
    }

    internal PrefixHit MatchPrefix(string name, ReadOnlySpan<BlockKey> keys, TimeSpan leaseTime)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(leaseTime, TimeSpan.Zero);
        lock (_lock)
            return _index.Match(name, keys, leaseTime, _time.GetUtcNow());
    }

    internal bool Exists(string name, BlockKey key)
    {
        lock (_lock)
            return _index.TryFind(name, key, out var entry) && entry.Stored is not null;
    }

    internal BlockStatus Pin(string name, BlockKey key, int pins)
    {
        lock (_lock)
        {
            if (!_index.TryFind(name, key, out var entry) || entry.Stored is null || entry.Pins + pins < 0)
                return BlockStatus.Missing;
            entry.Pins += pins;
            return BlockStatus.Done;
        }
    }

    internal BlockStatus Remove(string name, BlockKey key)
    {
        BlockEntry? entry;
        lock (_lock)
        {
            if (!_index.TryFind(name, key, out entry))
                return BlockStatus.Missing;
            if (entry.Stored is null)
                return BlockStatus.BeingWritten;
            if (entry.Pins > 0 || entry.LeasedUntil > _time.GetUtcNow())
                return BlockStatus.Held;
            _index.Remove(entry);
        }
        Forget(entry, BlockEventKind.Removed);
        return BlockStatus.Done;
    }

    internal async ValueTask<BlockStatus> PutAsync(
        string name, BlockKey key, ReadOnlyMemory<byte> content, TimeSpan timeout, CancellationToken cancellation)
    {
        if (content.Length > _options.BlockBytesMax)
            return BlockStatus.TooLong;
        if (Begin(name, key, content.Length, out var entry) is { } refused)
            return refused;
        StoredBlock? stored = null;
        var status = WriteStatus.Cancelled;
        try
        {
            (stored, status) = await _blocks.WriteAsync(content, timeout, cancellation);
            // The pool may be smaller than the store was told: the oldest blocks make room for new ones there too.
            while (status == WriteStatus.NoSpace && EvictOne())
                (stored, status) = await _blocks.WriteAsync(content, timeout, cancellation);
        }
        catch (OperationCanceledException)
        {
            status = WriteStatus.Cancelled;
        }
        finally
        {
            End(entry!, stored);
        }
        return status switch
        {
            WriteStatus.Written or WriteStatus.WrittenDegraded => BlockStatus.Done,
            WriteStatus.NoSpace => BlockStatus.NoRoom,
            WriteStatus.Cancelled => BlockStatus.Cancelled,
            _ => BlockStatus.Unreachable,
        };
    }

    /// <summary>Reads a block; its length counts when it is done.</summary>
    internal async ValueTask<(BlockStatus Status, int LengthBytes)> GetAsync(
        string name, BlockKey key, Memory<byte> destination, LeaseId? lease, TimeSpan timeout, CancellationToken cancellation)
    {
        if (BeginRead(name, key, destination.Length, lease, out var found) is { } refused)
            return (refused, 0);
        var entry = found!;
        var status = ReadStatus.Cancelled;
        try
        {
            status = await _blocks.ReadAsync(entry.Stored!, destination, timeout, cancellation);
        }
        catch (OperationCanceledException)
        {
            status = ReadStatus.Cancelled;
        }
        finally
        {
            EndRead(entry);
        }
        switch (status)
        {
            case ReadStatus.Read:
                lock (_lock)
                    return (lease is null || IsLeased(lease, entry) ? BlockStatus.Done : BlockStatus.LeaseExpired, entry.LengthBytes);
            case ReadStatus.Lost or ReadStatus.UnknownSpan:
                DropLost(entry);
                return (BlockStatus.Missing, 0);
            default:
                return (status == ReadStatus.Cancelled ? BlockStatus.Cancelled : BlockStatus.Unreachable, 0);
        }
    }

    private BlockStatus? Begin(string name, BlockKey key, int lengthBytes, out BlockEntry? entry)
    {
        var evicted = new List<BlockEntry>();
        BlockStatus? refused = null;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            entry = null;
            if (_index.TryFind(name, key, out var there))
                refused = there.Stored is null ? BlockStatus.BeingWritten : BlockStatus.AlreadyThere;
            else if ((entry = _index.Begin(name, key, lengthBytes, _time.GetUtcNow(), evicted)) is null)
                refused = BlockStatus.NoRoom;
        }
        foreach (var gone in evicted)
            Forget(gone, BlockEventKind.Evicted);
        return refused;
    }

    private void End(BlockEntry entry, StoredBlock? stored)
    {
        var isKept = false;
        lock (_lock)
        {
            if (stored is not null && !entry.IsRemoved)
            {
                _index.Complete(entry, stored);
                isKept = true;
            }
            else
            {
                _index.Remove(entry);
            }
        }
        if (isKept)
            _events.Publish(BlockEventKind.Stored, entry);
        else if (stored is not null)
            _blocks.Release(stored); // the store was closed meanwhile
    }

    private BlockStatus? BeginRead(string name, BlockKey key, int roomBytes, LeaseId? lease, out BlockEntry? entry)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_index.TryFind(name, key, out entry) || entry.Stored is null)
                return BlockStatus.Missing;
            if (lease is not null && !IsLeased(lease, entry))
                return BlockStatus.LeaseExpired;
            if (roomBytes < entry.LengthBytes)
                return BlockStatus.DestinationTooShort;
            entry.Readers++;
            _index.Touch(entry);
            return null;
        }
    }

    private bool IsLeased(LeaseId? lease, BlockEntry entry) => _index.IsLeased(lease!.Value, entry, _time.GetUtcNow());

    private void EndRead(BlockEntry entry)
    {
        lock (_lock)
        {
            if (--entry.Readers > 0 || !entry.IsRemoved)
                return;
        }
        _blocks.Release(entry.Stored!);
    }

    private bool EvictOne()
    {
        BlockEntry? entry;
        lock (_lock)
            entry = _index.EvictOne(_time.GetUtcNow());
        if (entry is null)
            return false;
        Forget(entry, BlockEventKind.Evicted);
        return true;
    }

    private void DropLost(BlockEntry entry)
    {
        lock (_lock)
        {
            if (entry.IsRemoved)
                return;
            _index.Remove(entry);
        }
        Forget(entry, BlockEventKind.Lost);
    }

    private void Forget(BlockEntry entry, BlockEventKind kind)
    {
        if (kind == BlockEventKind.Evicted)
            Interlocked.Increment(ref _evicted);
        else if (kind == BlockEventKind.Lost)
            Interlocked.Increment(ref _lost);
        ReleaseUnlessRead(entry);
        _events.Publish(kind, entry);
    }

    private void ReleaseUnlessRead(BlockEntry entry)
    {
        lock (_lock)
        {
            if (entry.Readers > 0 || entry.Stored is null)
                return; // the last reader, or the writer, does it
        }
        _blocks.Release(entry.Stored);
    }
}
