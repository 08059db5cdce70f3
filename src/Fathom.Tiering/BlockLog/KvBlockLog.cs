using System.Diagnostics;
using Fathom.FarMemory.Integrity;
using Fathom.Memory;
using Fathom.Storage;
using Fathom.Tiering.BlockLog.Format;
using Fathom.Tiering.BlockLog.Index;
using Fathom.Tiering.BlockLog.Segments;
using Fathom.Tiering.Tiers;
using Microsoft.Extensions.Logging;

namespace Fathom.Tiering.BlockLog;

/// <summary>How a look-up reads the index.</summary>
public enum LookUpWay
{
    /// <summary>One chain of reads, run by a storage function.</summary>
    StorageFunction,

    /// <summary>One blocking read after the other.</summary>
    Reads,
}

/// <summary>What a look-up found, and what it took.</summary>
/// <param name="Blocks">Leading keys that are stored.</param>
/// <param name="Hops">Pages of the index that were read.</param>
/// <param name="Submissions">Chains, or reads, that were submitted.</param>
public readonly record struct PrefixLookUp(int Blocks, int Hops, int Submissions);

/// <summary>
/// KV blocks in one file on a drive: a log of immutable blocks in segments, and an index of their chains that a storage function walks from
/// a prompt's first key to the longest stored prefix in one call. docs/formats/block-log.md.
/// </summary>
/// <remarks>
/// Whoever opens it disposes it. Any thread may call any member. A block is found by those who matched its chain or stored it: the places of
/// the <see cref="BlockLogOptions.KnownBlocksMax"/> blocks last matched or stored are kept in memory, the index itself is not. What was
/// acknowledged survives the end of the process; a power failure may lose what was stored since the last segment was sealed, and never
/// gives other bytes.
/// </remarks>
public sealed class KvBlockLog : IKvTier
{
    internal const string TierName = "storage";

    private readonly BlockLogOptions _options;
    private readonly ILogger _logger;
    private readonly LogFile _file;
    private readonly PrefixIndex _index;
    private readonly SegmentTable _segments;
    private readonly LeaseTable _leases;
    private readonly KnownBlocks _known;
    private readonly LogWriter _writer;
    private readonly CallGate _calls = new();
    private readonly Lock _repairLock = new();
    private Task _repair = Task.CompletedTask;
    private long _corruptBlocks;

    private KvBlockLog(BlockLogOptions options, ILogger logger, LogFile file)
    {
        _options = options;
        _logger = logger;
        _file = file;
        _index = new PrefixIndex(file);
        _segments = new SegmentTable(file.Header);
        _leases = new LeaseTable(_segments, options.LeaseTime, options.Time);
        _known = new KnownBlocks(options.KnownBlocksMax);
        _writer = new LogWriter(file, _index, _segments, _leases, _known, logger);
    }

    /// <inheritdoc/>
    public string Name => TierName;

    /// <inheritdoc/>
    public TimeSpan LeaseTime => _options.LeaseTime;

    /// <inheritdoc/>
    public KvTierUsage Usage
    {
        get
        {
            var (blocks, units) = _segments.Used;
            var beside = (long)_file.Header.FirstSegmentUnit;
            return new KvTierUsage(
                blocks, (units + beside) * LogFile.UnitBytes, _options.CapacityBytes, _segments.EvictedBlocks, Interlocked.Read(ref _corruptBlocks));
        }
    }

    /// <summary>The engine that runs the look-ups, and why.</summary>
    public EngineChoice Engine => _file.Chains.Engine.Choice;

    /// <summary>Whether reads and writes pass the page cache by.</summary>
    public bool IsDirect => _file.Chains.IsDirect;

    /// <summary>Bytes of the index, which begins at byte 8192 of the file.</summary>
    public long IndexBytes => (long)_file.Header.IndexPages * IndexPage.Bytes;

    /// <summary>Longest block that fits.</summary>
    public int BlockBytesMax => _writer.BlockBytesMax;

    /// <summary>Opens a log, or makes it where there is no such file.</summary>
    /// <exception cref="KvTierException">It is in use, is something else, has another size or version, cannot be made, or is too small for such blocks.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Another option is out of range.</exception>
    public static KvBlockLog Open(BlockLogOptions options, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(logger);
        options.Check();
        var started = Stopwatch.GetTimestamp();
        var file = LogFile.Open(options);
        try
        {
            TryFunction(file, options);
            var log = new KvBlockLog(options, logger, file);
            log._writer.Recover();
            var usage = log.Usage;
            logger.Opened(options.Path, usage.Blocks, usage.Bytes, Stopwatch.GetElapsedTime(started).TotalMilliseconds, log.Engine.Kind.ToString());
            return log;
        }
        catch (Exception failure)
        {
            file.Dispose();
            if (failure is IOException)
                throw new KvTierException(TierName, $"{options.Path} cannot be read: {failure.Message}", failure);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<KvPrefixMatch> MatchPrefixAsync(KvBlockKey root, ReadOnlyMemory<KvBlockKey> chain, CancellationToken cancellation)
    {
        if (!_calls.TryEnter())
            return KvPrefixMatch.Failed;
        try
        {
            for (var isFirst = true; ; isFirst = false)
            {
                using var walk = new PrefixWalk(_file, chain);
                while (walk.Take(await _file.Chains.Engine.RunAsync(walk.Next(_options.LookUpTime, cancellation))))
                {
                }
                if (!isFirst || !CallsForAnother(walk, chain))
                    return Hold(walk, chain);
            }
        }
        catch (IOException failure)
        {
            _logger.ReadFailed(_options.Path, failure);
            return KvPrefixMatch.Failed;
        }
        finally
        {
            _calls.Exit();
        }
    }

    /// <summary>How much of a chain the index names, without a use, a hold or a look whether the blocks are still there: for measurements.</summary>
    public PrefixLookUp LookUp(ReadOnlyMemory<KvBlockKey> chain, LookUpWay way)
    {
        using var walk = new PrefixWalk(_file, chain);
        if (way == LookUpWay.Reads)
        {
            var (matched, hops) = _index.WalkPages(chain.Span, walk.Places);
            return new PrefixLookUp(matched, hops, hops);
        }
        while (walk.Take(_file.Chains.Engine.Run(walk.Next(_options.LookUpTime, CancellationToken.None))))
        {
        }
        return new PrefixLookUp(walk.Matched, walk.Hops, walk.Submissions);
    }

    /// <inheritdoc/>
    public void Release(KvLease lease) => _leases.Release(lease);

    /// <inheritdoc/>
    public async ValueTask GetBatchAsync(
        ReadOnlyMemory<KvBlockKey> keys, ReadOnlyMemory<NativeView> destinations, Memory<KvBlockStatus> statuses, CancellationToken cancellation)
    {
        statuses.Span[..keys.Length].Fill(KvBlockStatus.Failed);
        if (!_calls.TryEnter())
            return;
        try
        {
            var parallel = new ParallelOptions { MaxDegreeOfParallelism = _options.ReadersMax };
            await Task.Run(
                () => Parallel.For(0, keys.Length, parallel, i =>
                {
                    statuses.Span[i] = cancellation.IsCancellationRequested ? KvBlockStatus.Cancelled : Read(keys.Span[i], destinations.Span[i]);
                }),
                CancellationToken.None);
        }
        finally
        {
            _calls.Exit();
        }
    }

    /// <inheritdoc/>
    public async ValueTask PutBatchAsync(ReadOnlyMemory<KvBlockPut> blocks, Memory<KvBlockStatus> statuses, CancellationToken cancellation)
    {
        statuses.Span[..blocks.Length].Fill(KvBlockStatus.Failed);
        if (!_calls.TryEnter())
            return;
        try
        {
            await Task.Run(() => _writer.Put(blocks.Span, statuses.Span[..blocks.Length], cancellation), CancellationToken.None);
        }
        finally
        {
            _calls.Exit();
        }
    }

    /// <inheritdoc/>
    public KvBlockStatus Remove(KvBlockKey key)
    {
        if (!_calls.TryEnter())
            return KvBlockStatus.Failed;
        try
        {
            if (_leases.Holds(key))
                return KvBlockStatus.Held;
            return _known.TryGet(key, out var place) && _segments.IsLive(place.Unit, place.Generation) && _writer.Forget(key, place)
                ? KvBlockStatus.Done
                : KvBlockStatus.Missing;
        }
        catch (IOException failure)
        {
            _logger.WriteFailed(_options.Path, failure);
            return KvBlockStatus.Failed;
        }
        finally
        {
            _calls.Exit();
        }
    }

    /// <summary>Ends when the repairs of the index that were begun have ended.</summary>
    internal Task RepairsAsync()
    {
        lock (_repairLock)
            return _repair;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!await _calls.CloseAsync())
            return;
        await RepairsAsync();
        _writer.Dispose();
        _file.Dispose();
    }

    /// <summary>Whether the index was, or has now been brought, into a state in which the same look-up finds more.</summary>
    private bool CallsForAnother(PrefixWalk walk, ReadOnlyMemory<KvBlockKey> chain)
    {
        if (walk.DamagedPage is { } page)
        {
            if (!_index.IsDamaged(page))
                return true; // it was being written
            BeginRepair(page);
            return false;
        }
        if (walk.HasFailed || walk.Matched == 0 || walk.Matched == chain.Length || !_known.IsAwaited(chain.Span[walk.Matched - 1]))
            return false;
        _writer.Link(chain.Span[walk.Matched - 1], walk.Places[walk.Matched - 1].Page);
        return true;
    }

    /// <summary>A look-up before all others: a kernel that has the module need not take the function.</summary>
    private static void TryFunction(LogFile file, BlockLogOptions options)
    {
        try
        {
            using var walk = new PrefixWalk(file, new KvBlockKey[1]);
            walk.Take(file.Chains.Engine.Run(walk.Next(options.LookUpTime, CancellationToken.None)));
        }
        catch (FunctionLoadException) when (options.Engine.Kind == EngineKind.Auto && file.Chains.Engine.Choice.Kind == EngineKind.Kernel)
        {
            file.LeaveKernel(options.Engine);
        }
    }

    private KvPrefixMatch Hold(PrefixWalk walk, ReadOnlyMemory<KvBlockKey> chain)
    {
        if (walk.HasFailed)
        {
            if (walk.DamagedPage is null && walk.Failure.Status != ChainStatus.Cancelled)
                _logger.LookUpFailed(_options.Path, walk.Failure.ToString());
            if (walk.Matched == 0)
                return KvPrefixMatch.Failed;
        }
        var pinned = new List<LogSegment>();
        var blocks = _segments.PinUsed(walk.Places, walk.Matched, pinned);
        if (blocks == 0)
            return default;
        _known.AddRange(chain.Span[..blocks], walk.Places.AsSpan(0, blocks));
        return new KvPrefixMatch(blocks, _leases.Add(pinned, chain[..blocks]));
    }

    private KvBlockStatus Read(KvBlockKey key, NativeView destination)
    {
        if (!_known.TryGet(key, out var place) || _segments.Pin(place) is not { } segment)
            return KvBlockStatus.Missing;
        try
        {
            if (place.LengthBytes != destination.Length)
                return KvBlockStatus.WrongLength;
            ReadInto(place, destination.AsSpan<byte>());
            if (Crc32C.Compute(destination) == place.Checksum)
                return KvBlockStatus.Done;
        }
        catch (IOException failure)
        {
            _logger.ReadFailed(_options.Path, failure);
            return KvBlockStatus.Failed;
        }
        finally
        {
            _segments.Unpin(segment);
        }
        return TakeOut(key, place);
    }

    private void ReadInto(in BlockPlace place, Span<byte> destination)
    {
        var offset = (long)place.Unit * LogFile.UnitBytes;
        var whole = destination.Length / LogFile.UnitBytes * LogFile.UnitBytes;
        if (whole > 0)
            _file.Read(offset, destination[..whole]);
        if (whole == destination.Length)
            return;
        using var last = NativeBuffer.Allocate(LogFile.UnitBytes, LogFile.UnitBytes);
        var unit = last.AsSpan<byte>(0, LogFile.UnitBytes);
        _file.Read(offset + whole, unit);
        unit[..(destination.Length - whole)].CopyTo(destination[whole..]);
    }

    private KvBlockStatus TakeOut(KvBlockKey key, in BlockPlace place)
    {
        Interlocked.Increment(ref _corruptBlocks);
        _logger.BlockCorrupt(_options.Path);
        try
        {
            _writer.Forget(key, place);
        }
        catch (IOException failure)
        {
            _logger.WriteFailed(_options.Path, failure); // the next read finds the same
        }
        return KvBlockStatus.Corrupt;
    }

    private void BeginRepair(uint page)
    {
        lock (_repairLock)
            _repair = RepairAfterAsync(_repair, page);
    }

    private async Task RepairAfterAsync(Task before, uint page)
    {
        await before;
        await Task.Run(() =>
        {
            try
            {
                _writer.Repair(page);
            }
            catch (IOException failure)
            {
                _logger.WriteFailed(_options.Path, failure); // the next look-up asks again
            }
        });
    }
}
