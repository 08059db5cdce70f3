using System.Reflection;
using System.Runtime.InteropServices;

namespace Fathom.Ycsb.Stores;

/// <summary>The part of RocksDB's C interface that the benchmark calls (rocksdb/c.h of 7.8).</summary>
internal static class RocksLibrary
{
    private const string Name = "fathom-rocksdb";
    private const string SystemName = "librocksdb.so.7.8";

    private static nint s_library;

    /// <summary>Binds the calls to a library.</summary>
    public static void Bind(string? library)
    {
        if (s_library != 0)
            return;
        s_library = StoreFolder.LoadLibrary(library ?? SystemName, "librocksdb7.8");
        NativeLibraries.Add(Name, s_library);
    }

    [DllImport(Name)] public static extern nint rocksdb_options_create();

    [DllImport(Name)] public static extern void rocksdb_options_set_create_if_missing(nint options, byte value);

    [DllImport(Name)] public static extern void rocksdb_options_set_write_buffer_size(nint options, nuint bytes);

    [DllImport(Name)] public static extern void rocksdb_options_set_max_write_buffer_number(nint options, int value);

    [DllImport(Name)] public static extern void rocksdb_options_set_use_direct_reads(nint options, byte value);

    [DllImport(Name)] public static extern void rocksdb_options_set_use_direct_io_for_flush_and_compaction(nint options, byte value);

    [DllImport(Name)] public static extern void rocksdb_options_set_compression(nint options, int value);

    [DllImport(Name)] public static extern void rocksdb_options_set_max_background_jobs(nint options, int value);

    [DllImport(Name)] public static extern void rocksdb_options_set_max_open_files(nint options, int value);

    [DllImport(Name)] public static extern void rocksdb_options_set_level_compaction_dynamic_level_bytes(nint options, byte value);

    [DllImport(Name)] public static extern void rocksdb_options_set_block_based_table_factory(nint options, nint table);

    [DllImport(Name)] public static extern nint rocksdb_block_based_options_create();

    [DllImport(Name)] public static extern void rocksdb_block_based_options_set_block_cache(nint table, nint cache);

    [DllImport(Name)] public static extern void rocksdb_block_based_options_set_filter_policy(nint table, nint policy);

    [DllImport(Name)] public static extern void rocksdb_block_based_options_set_cache_index_and_filter_blocks(nint table, byte value);

    [DllImport(Name)] public static extern void rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(nint table, byte value);

    [DllImport(Name)] public static extern nint rocksdb_filterpolicy_create_bloom_full(double bitsPerKey);

    [DllImport(Name)] public static extern nint rocksdb_cache_create_lru(nuint bytes);

    [DllImport(Name)] public static extern nint rocksdb_open(nint options, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, out nint error);

    [DllImport(Name)] public static extern void rocksdb_close(nint database);

    [DllImport(Name)] public static extern nint rocksdb_writeoptions_create();

    [DllImport(Name)] public static extern void rocksdb_writeoptions_set_sync(nint options, byte value);

    [DllImport(Name)] public static extern void rocksdb_writeoptions_disable_WAL(nint options, int value);

    [DllImport(Name)] public static extern nint rocksdb_readoptions_create();

    [DllImport(Name)] public static extern void rocksdb_put(nint database, nint options, ref byte key, nuint keyBytes, ref byte value, nuint valueBytes, out nint error);

    [DllImport(Name)] public static extern nint rocksdb_get_pinned(nint database, nint options, ref byte key, nuint keyBytes, out nint error);

    [DllImport(Name)] public static extern nint rocksdb_pinnableslice_value(nint slice, out nuint bytes);

    [DllImport(Name)] public static extern void rocksdb_pinnableslice_destroy(nint slice);

    [DllImport(Name)] public static extern nint rocksdb_create_iterator(nint database, nint options);

    [DllImport(Name)] public static extern void rocksdb_iter_seek(nint iterator, ref byte key, nuint keyBytes);

    [DllImport(Name)] public static extern byte rocksdb_iter_valid(nint iterator);

    [DllImport(Name)] public static extern nint rocksdb_iter_value(nint iterator, out nuint bytes);

    [DllImport(Name)] public static extern void rocksdb_iter_next(nint iterator);

    [DllImport(Name)] public static extern void rocksdb_iter_destroy(nint iterator);

    [DllImport(Name)] public static extern void rocksdb_compact_range(nint database, nint start, nuint startBytes, nint limit, nuint limitBytes);

    [DllImport(Name)] public static extern void rocksdb_flush_wal(nint database, byte sync, out nint error);

    /// <summary>Throws for an error that the library gave.</summary>
    public static void Check(nint error)
    {
        if (error != 0)
            throw new YcsbException($"rocksdb: {Marshal.PtrToStringUTF8(error)}");
    }
}

/// <summary>Native libraries under the names that imports of this assembly use.</summary>
internal static class NativeLibraries
{
    private static readonly Dictionary<string, nint> Loaded = [];

    static NativeLibraries() =>
        NativeLibrary.SetDllImportResolver(Assembly.GetExecutingAssembly(), static (name, _, _) => Loaded.GetValueOrDefault(name));

    /// <summary>Adds a library.</summary>
    public static void Add(string name, nint library) => Loaded[name] = library;
}
