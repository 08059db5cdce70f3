using Fathom.Storage.KeyValue.Caching;
using Fathom.Storage.KeyValue.Checking;
using Fathom.Storage.KeyValue.Commits;
using Fathom.Storage.KeyValue.Files;
using Fathom.Storage.KeyValue.Format;
using Fathom.Storage.KeyValue.Loading;
using Fathom.Storage.KeyValue.Log;
using Fathom.Storage.KeyValue.Merging;
using Fathom.Storage.KeyValue.Ranges;
using Fathom.Storage.KeyValue.Space;
using Fathom.Storage.KeyValue.Tables;
using Fathom.Storage.KeyValue.Trees;

namespace Fathom.Storage.KeyValue;

/// <summary>BPF-KV: an ordered key-value store in one file, whose look-ups are one chain of reads run by a storage function.</summary>
/// <remarks>
/// Whoever opens it disposes it; any thread may call any other member. A write that returned survives a crash, as its
/// <see cref="Durability"/> says. A reader sees every write that returned before it began.
/// </remarks>
public sealed class KeyValueStore : IDisposable
{
    /// <summary>Reads of a key before damage is believed: a record that a merge is writing over reads as damaged for a moment.</summary>
    private const int AttemptsMax = 3;

    private readonly FileStream _lock;
    private readonly TreeReader _reader;
    private readonly ObjectCache _objects;
    private readonly StoreRoot _root;
    private readonly CommitQueue _commits;
    private readonly MergeWorker _merges;
    private readonly RangeReader _ranges;
    private readonly ITimer? _flushTimer;
    private bool _isDisposed;

    private KeyValueStore(FileStream fileLock, TreeReader reader, StoreRoot root, LogSegment segment, StoreSpace space, KeyValueOptions options)
    {
        _lock = fileLock;
        _reader = reader;
        _root = root;
        _objects = new ObjectCache(options.ObjectCacheBytes);
        _commits = new CommitQueue(root, options, segment);
        _merges = new MergeWorker(root, reader, _objects, space, options);
        _ranges = new RangeReader(reader);
        if (options.Durability == Durability.Interval)
            _flushTimer = options.Time.CreateTimer(_ => FlushOnTimer(), null, options.FlushInterval, options.FlushInterval);
    }

    /// <summary>Its file.</summary>
    public string Path => _root.Path;

    /// <summary>Kind of keys.</summary>
    public KeyKind Kind => _reader.Kind;

    /// <summary>The engine in use and why.</summary>
    public EngineChoice Engine => _reader.File.Chains.Engine.Choice;

    /// <summary>Makes an empty store, for <see cref="Open"/>.</summary>
    /// <exception cref="StoreRefusedException">There is a file of that name.</exception>
    /// <exception cref="ArgumentException">No store has such a shape.</exception>
    public static void Create(string path, StoreShape shape) => StoreFiles.Create(path, shape);

    /// <summary>Opens a store and recovers what its log holds.</summary>
    /// <exception cref="StoreRefusedException">There is none, or it is in use.</exception>
    /// <exception cref="StoreFormatException">It is damaged, or of another version.</exception>
    public static KeyValueStore Open(string path, KeyValueOptions? options = null)
    {
        options ??= new KeyValueOptions();
        var fileLock = StoreFiles.Lock(path);
        StoreFile? file = null;
        try
        {
            file = StoreFile.Open(path, options.Engine, options.Direct);
            var header = StoreFiles.ReadHeader(file);
            var space = new StoreSpace(header.PageBytes, StoreFiles.ReadSpaceMap(file, header));
            var table = new MemoryTable(header.FirstSegment);
            var segment = StoreFiles.Recover(path, header, table);
            if (table.Count > 0)
                StoreLog.Recovered(options.Logger, path, table.Count);
            var reader = new TreeReader(file, header.Kind, header.PageBytes, new PageCache(options.PageCacheBytes), options.Functions);
            var root = new StoreRoot(path, header.StoreId, new StoreState(table, null, new TreeVersion(header)));
            return new KeyValueStore(fileLock, reader, root, segment, space, options);
        }
        catch
        {
            file?.Dispose();
            fileLock.Dispose();
            throw;
        }
    }

    /// <summary>Fills an empty store that nobody has open, from pairs in any order; of equal keys the last counts.</summary>
    /// <exception cref="StoreRefusedException">It is not empty, in use, or a key or value is too long.</exception>
    public static void Load(
        string path, IEnumerable<KeyValuePair<byte[], byte[]>> pairs, LoadOptions? options = null, CancellationToken cancellation = default) =>
        BulkLoad.Run(path, pairs, options ?? new LoadOptions(), cancellation);

    /// <summary>Reads every page and record of a store that nobody has open.</summary>
    /// <inheritdoc cref="Open" path="/exception"/>
    public static StoreReport Check(string path, KeyValueOptions? options = null, CancellationToken cancellation = default) =>
        StoreCheck.Run(path, options ?? new KeyValueOptions(), cancellation);

    /// <summary>The value of a key, or null.</summary>
    /// <inheritdoc cref="TryGet" path="/exception"/>
    public byte[]? Get(ReadOnlySpan<byte> key)
    {
        var room = System.Buffers.ArrayPool<byte>.Shared.Rent(4096);
        try
        {
            while (TryGet(key, room, out var bytes))
            {
                if (bytes <= room.Length)
                    return room.AsSpan(0, bytes).ToArray();
                System.Buffers.ArrayPool<byte>.Shared.Return(room);
                room = System.Buffers.ArrayPool<byte>.Shared.Rent(bytes);
            }
            return null;
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(room);
        }
    }

    /// <summary>Copies the value of a key; false when there is none.</summary>
    /// <param name="key">The key.</param>
    /// <param name="destination">Takes the value as far as it fits.</param>
    /// <param name="valueBytes">Its whole length; above <paramref name="destination"/>'s when it does not fit.</param>
    /// <exception cref="StoreRefusedException">No key of this store has that length.</exception>
    /// <exception cref="StoreFormatException">What was read is damaged.</exception>
    /// <exception cref="StoreReadException">The system did not read.</exception>
    /// <remarks>Allocates nothing when the pages on the way are cached.</remarks>
    public bool TryGet(ReadOnlySpan<byte> key, Span<byte> destination, out int valueBytes)
    {
        CheckKey(key);
        var hash = KeyMix.Of(key);
        for (var attempt = 1; ; attempt++)
        {
            var state = _root.Enter();
            try
            {
                if (state.Active.TryGet(hash, key, out var entry) || (state.Frozen is { } frozen && frozen.TryGet(hash, key, out entry)))
                    return TryCopy(entry.Value, destination, out valueBytes);
                if (_objects.TryGet(hash, key, destination, out valueBytes))
                    return true;
                var found = _reader.TryGet(state.Tree.Header, key, destination, out valueBytes);
                if (found && valueBytes <= destination.Length)
                    _objects.Add(hash, key, destination[..valueBytes], state.Tree.Header.Checkpoint);
                return found;
            }
            catch (StoreFormatException damaged) when (damaged.Fault == StoreFormatFault.Record && attempt < AttemptsMax)
            {
                // Read again, tables first: if a merge is writing over the record, they have the value.
            }
            finally
            {
                state.Tree.Exit();
            }
        }
    }

    /// <summary>Sets a key.</summary>
    /// <exception cref="StoreRefusedException">Key or value is too long, or the store takes no writes.</exception>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        CheckKey(key);
        CheckValue(value.Length);
        _commits.Commit(key.ToArray(), value.ToArray());
    }

    /// <summary>Deletes a key; nothing happens when there is none.</summary>
    /// <exception cref="StoreRefusedException">The store takes no writes.</exception>
    public void Delete(ReadOnlySpan<byte> key)
    {
        CheckKey(key);
        _commits.Commit(key.ToArray(), null);
    }

    /// <summary>Several writes that count together: after a crash all of them are there, or none.</summary>
    /// <exception cref="StoreRefusedException">A key or value is too long, or the store takes no writes.</exception>
    public void Write(WriteBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        foreach (var (key, value) in batch.Writes)
        {
            CheckKey(key);
            CheckValue(value?.Length ?? 0);
        }
        if (batch.Writes.Count > 0)
            _commits.Commit(batch.Writes);
    }

    /// <summary>The pairs of a range in order, as they are when each part of it is read.</summary>
    /// <param name="low">First key, or anything below it.</param>
    /// <param name="high">Last key, inclusive; null for no end.</param>
    /// <param name="pairsMax">Most pairs.</param>
    public IEnumerable<KeyValuePair<byte[], byte[]>> Range(byte[] low, byte[]? high = null, int pairsMax = int.MaxValue) =>
        new RangeScan(_root, _ranges, Bound(low), high is null ? null : Bound(high), pairsMax).Pairs();

    /// <summary>COUNT, SUM, MIN and MAX over the values of a range; with fixed keys the storage function adds them up where they are read.</summary>
    /// <param name="low">First key, or anything below it.</param>
    /// <param name="high">Last key, inclusive; null for no end.</param>
    /// <exception cref="StoreRefusedException">A value is shorter than 8 bytes.</exception>
    public RangeAggregate Aggregate(byte[] low, byte[]? high = null) => new RangeFold(_root, _ranges, Kind).Run(Bound(low), high is null ? null : Bound(high));

    /// <summary>Brings all writes into the tree and waits for that.</summary>
    /// <exception cref="StoreRefusedException">The store failed.</exception>
    public void Checkpoint()
    {
        _commits.Rotate();
        _root.WaitUntilMerged();
    }

    /// <summary>Flushes the log: every write that returned is on the drive.</summary>
    public void Flush() => _commits.Flush();

    /// <summary>What the store holds and uses.</summary>
    public StoreStatistics Statistics()
    {
        var state = _root.State;
        var header = state.Tree.Header;
        var (segment, position) = _commits.Position;
        return new StoreStatistics
        {
            Kind = header.Kind,
            PageBytes = header.PageBytes,
            Levels = header.Levels,
            TreeEntries = header.Entries,
            RecordBytes = header.RecordBytes,
            FileBytes = header.FileEndBytes,
            Checkpoint = header.Checkpoint,
            TableEntries = state.Active.Count + (state.Frozen?.Count ?? 0),
            TableBytes = state.Active.Bytes + (state.Frozen?.Bytes ?? 0),
            LogSegment = segment,
            LogBytes = position,
            PageCacheBytes = _reader.Pages.Bytes,
            ObjectCacheBytes = _objects.Bytes,
            Merges = _merges.Merges,
            Engine = Engine,
            EngineCounters = _reader.File.Chains.Engine.Counters,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        _flushTimer?.Dispose();
        _merges.Dispose();
        _commits.Dispose();
        _reader.File.Dispose();
        _objects.Dispose();
        _lock.Dispose();
    }

    private void FlushOnTimer()
    {
        try
        {
            _commits.Flush();
        }
        catch (IOException failure)
        {
            _root.Fail(failure);
        }
    }

    private static bool TryCopy(byte[]? value, Span<byte> destination, out int valueBytes)
    {
        valueBytes = value?.Length ?? 0;
        if (value is null)
            return false;
        value.AsSpan(0, Math.Min(value.Length, destination.Length)).CopyTo(destination);
        return true;
    }

    /// <summary>A bound as it compares with the store's keys; with fixed keys it is one of them, and none stands for the smallest.</summary>
    private byte[] Bound(byte[] bound)
    {
        ArgumentNullException.ThrowIfNull(bound);
        if (Kind == KeyKind.Variable)
            return bound;
        if (bound.Length == 0)
            return new byte[8];
        CheckKey(bound);
        return bound;
    }

    private void CheckKey(ReadOnlySpan<byte> key)
    {
        if (Kind == KeyKind.Fixed ? key.Length != 8 : key.Length is < 1 or > KeyOrder.KeyBytesMax)
            throw new StoreRefusedException(Path, StoreRefusal.Key, $"a key has {key.Length} bytes, allowed are {(Kind == KeyKind.Fixed ? "8" : "1 to 512")}");
    }

    private void CheckValue(int bytes)
    {
        if (bytes > ValueRecord.ValueBytesMax)
            throw new StoreRefusedException(Path, StoreRefusal.Value, $"a value has {bytes} bytes, allowed are at most {ValueRecord.ValueBytesMax}");
    }
}
