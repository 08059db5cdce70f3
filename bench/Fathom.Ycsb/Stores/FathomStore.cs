using Fathom.Storage;
using Fathom.Storage.KeyValue;
using Fathom.Ycsb.Workloads;

namespace Fathom.Ycsb.Stores;

/// <summary>This repository's store.</summary>
public sealed class FathomStore : IBenchmarkStore
{
    /// <summary>Part of the cache memory that pages get: the whole index of records of a kilobyte, and as much again.</summary>
    private const int PageCachePart = 4;

    private readonly StoreSettings _settings;
    private readonly string _path;
    private KeyValueStore? _store;

    /// <param name="settings">Settings.</param>
    public FathomStore(StoreSettings settings)
    {
        _settings = settings;
        _path = Path.Combine(settings.Folder, "fathom.kv");
        if (File.Exists(_path))
            _store = Open();
    }

    /// <inheritdoc/>
    public string Description => _store is { } store ? $"fathom ({store.Engine.Kind.ToString().ToLowerInvariant()}: {store.Engine.Reason})" : "fathom";

    /// <inheritdoc/>
    public bool IsLoaded => _store is not null;

    /// <summary>What the store holds and uses.</summary>
    public StoreStatistics? Statistics => _store?.Statistics();

    /// <inheritdoc/>
    public void Load(long records, int valueBytes, ulong seed)
    {
        KeyValueStore.Create(_path, StoreShape.Variable);
        KeyValueStore.Load(_path, Records(records, valueBytes, seed), new Fathom.Storage.KeyValue.Loading.LoadOptions { SortBytes = Math.Max(16 << 20, _settings.MemoryBytes / 2) });
        _store = Open();
    }

    /// <inheritdoc/>
    public IStoreSession OpenSession() => new Session(_store ?? throw new InvalidOperationException("Load first."));

    /// <inheritdoc/>
    public long FileBytes() => StoreFolder.Bytes(_settings.Folder);

    /// <inheritdoc/>
    public void Dispose() => _store?.Dispose();

    private static IEnumerable<KeyValuePair<byte[], byte[]>> Records(long records, int valueBytes, ulong seed)
    {
        var random = new BenchmarkRandom(seed);
        var key = new byte[RecordKeys.KeyBytesMax];
        for (var number = 0L; number < records; number++)
        {
            var value = new byte[valueBytes];
            RecordKeys.Fill(value, random);
            yield return new KeyValuePair<byte[], byte[]>(key[..RecordKeys.Write(number, key)], value);
        }
    }

    private KeyValueStore Open() => KeyValueStore.Open(_path, new KeyValueOptions
    {
        Durability = _settings.Durability,
        MemoryTableBytes = _settings.WriteBufferBytes,
        PageCacheBytes = _settings.CacheBytes / PageCachePart,
        ObjectCacheBytes = _settings.CacheBytes - _settings.CacheBytes / PageCachePart,
        Engine = new StorageEngineOptions { Kind = _settings.Engine },
    });

    private sealed class Session(KeyValueStore store) : IStoreSession
    {
        public bool Read(ReadOnlySpan<byte> key, Span<byte> destination, out int valueBytes) => store.TryGet(key, destination, out valueBytes);

        public void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => store.Put(key, value);

        public int Scan(ReadOnlySpan<byte> key, int records, Span<byte> destination)
        {
            var count = 0;
            foreach (var pair in store.Range(key.ToArray(), null, records))
            {
                pair.Value.AsSpan(0, Math.Min(pair.Value.Length, destination.Length)).CopyTo(destination);
                count++;
            }
            return count;
        }

        public void Dispose()
        {
        }
    }
}
