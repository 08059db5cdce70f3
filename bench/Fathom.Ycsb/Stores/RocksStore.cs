using System.Runtime.InteropServices;
using Fathom.Storage.KeyValue;
using Fathom.Ycsb.Workloads;

namespace Fathom.Ycsb.Stores;

/// <summary>RocksDB with direct reads and writes, no compression, a Bloom filter of 10 bits a key; index and filters count as cache.</summary>
public sealed class RocksStore : IBenchmarkStore
{
    private readonly StoreSettings _settings;
    private readonly bool _wasThere;
    private readonly nint _database;
    private readonly nint _write;

    /// <param name="settings">Settings.</param>
    /// <exception cref="YcsbException">The library is not there, or does not open the store.</exception>
    public RocksStore(StoreSettings settings)
    {
        RocksLibrary.Bind(settings.Library);
        _settings = settings;
        _wasThere = Directory.Exists(Path.Combine(settings.Folder, "rocksdb"));
        var table = RocksLibrary.rocksdb_block_based_options_create();
        RocksLibrary.rocksdb_block_based_options_set_block_cache(table, RocksLibrary.rocksdb_cache_create_lru((nuint)settings.CacheBytes));
        RocksLibrary.rocksdb_block_based_options_set_filter_policy(table, RocksLibrary.rocksdb_filterpolicy_create_bloom_full(10));
        RocksLibrary.rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
        RocksLibrary.rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
        var options = RocksLibrary.rocksdb_options_create();
        RocksLibrary.rocksdb_options_set_create_if_missing(options, 1);
        RocksLibrary.rocksdb_options_set_write_buffer_size(options, (nuint)settings.WriteBufferBytes);
        RocksLibrary.rocksdb_options_set_max_write_buffer_number(options, 2);
        RocksLibrary.rocksdb_options_set_use_direct_reads(options, 1);
        RocksLibrary.rocksdb_options_set_use_direct_io_for_flush_and_compaction(options, 1);
        RocksLibrary.rocksdb_options_set_compression(options, 0);
        RocksLibrary.rocksdb_options_set_max_background_jobs(options, 4);
        RocksLibrary.rocksdb_options_set_max_open_files(options, -1);
        RocksLibrary.rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
        RocksLibrary.rocksdb_options_set_block_based_table_factory(options, table);
        _database = RocksLibrary.rocksdb_open(options, Path.Combine(settings.Folder, "rocksdb"), out var error);
        RocksLibrary.Check(error);
        _write = RocksLibrary.rocksdb_writeoptions_create();
        RocksLibrary.rocksdb_writeoptions_set_sync(_write, settings.Durability == Durability.Commit ? (byte)1 : (byte)0);
    }

    /// <inheritdoc/>
    public string Description => "rocksdb";

    /// <inheritdoc/>
    public bool IsLoaded => _wasThere;

    /// <inheritdoc/>
    public void Load(long records, int valueBytes, ulong seed)
    {
        var write = RocksLibrary.rocksdb_writeoptions_create();
        RocksLibrary.rocksdb_writeoptions_disable_WAL(write, 1);
        var random = new BenchmarkRandom(seed);
        var key = new byte[RecordKeys.KeyBytesMax];
        var value = new byte[valueBytes];
        for (var number = 0L; number < records; number++)
        {
            RecordKeys.Fill(value, random);
            RocksLibrary.rocksdb_put(_database, write, ref key[0], (nuint)RecordKeys.Write(number, key), ref value[0], (nuint)valueBytes, out var error);
            RocksLibrary.Check(error);
        }
        RocksLibrary.rocksdb_compact_range(_database, 0, 0, 0, 0);
    }

    /// <inheritdoc/>
    public IStoreSession OpenSession() => new Session(_database, _write);

    /// <inheritdoc/>
    public long FileBytes() => StoreFolder.Bytes(_settings.Folder);

    /// <inheritdoc/>
    public void Dispose() => RocksLibrary.rocksdb_close(_database);

    private sealed class Session(nint database, nint write) : IStoreSession
    {
        private readonly nint _read = RocksLibrary.rocksdb_readoptions_create();
        private readonly byte[] _value = new byte[1 << 20];

        public bool Read(ReadOnlySpan<byte> key, Span<byte> destination, out int valueBytes)
        {
            var slice = RocksLibrary.rocksdb_get_pinned(database, _read, ref MemoryMarshal.GetReference(key), (nuint)key.Length, out var error);
            RocksLibrary.Check(error);
            valueBytes = 0;
            if (slice == 0)
                return false;
            var value = RocksLibrary.rocksdb_pinnableslice_value(slice, out var bytes);
            valueBytes = (int)bytes;
            Copy(value, Math.Min(valueBytes, destination.Length));
            RocksLibrary.rocksdb_pinnableslice_destroy(slice);
            return true;
        }

        public void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
            RocksLibrary.rocksdb_put(
                database, write, ref MemoryMarshal.GetReference(key), (nuint)key.Length, ref MemoryMarshal.GetReference(value), (nuint)value.Length, out var error);
            RocksLibrary.Check(error);
        }

        public int Scan(ReadOnlySpan<byte> key, int records, Span<byte> destination)
        {
            var iterator = RocksLibrary.rocksdb_create_iterator(database, _read);
            RocksLibrary.rocksdb_iter_seek(iterator, ref MemoryMarshal.GetReference(key), (nuint)key.Length);
            var count = 0;
            for (; count < records && RocksLibrary.rocksdb_iter_valid(iterator) != 0; count++)
            {
                var value = RocksLibrary.rocksdb_iter_value(iterator, out var bytes);
                Copy(value, Math.Min((int)bytes, destination.Length));
                RocksLibrary.rocksdb_iter_next(iterator);
            }
            RocksLibrary.rocksdb_iter_destroy(iterator);
            return count;
        }

        public void Dispose()
        {
        }

        /// <summary>The caller gets its own copy, as from the other stores.</summary>
        private void Copy(nint value, int bytes) => Marshal.Copy(value, _value, 0, Math.Min(bytes, _value.Length));
    }
}
