using System.Runtime.InteropServices;
using Fathom.Storage.KeyValue;
using Fathom.Ycsb.Workloads;

namespace Fathom.Ycsb.Stores;

/// <summary>LMDB without read-ahead. Its cache is the page cache: only the memory limit of the process's group bounds it.</summary>
public sealed class LmdbStore : IBenchmarkStore
{
    private static readonly long MapBytes = 64L << 30;
    private const int LoadBatch = 10_000;

    private readonly StoreSettings _settings;
    private readonly nint _environment;
    private readonly uint _database;
    private readonly bool _wasThere;

    /// <param name="settings">Settings.</param>
    /// <exception cref="YcsbException">The library is not there, or does not open the store.</exception>
    public LmdbStore(StoreSettings settings)
    {
        LmdbLibrary.Bind(settings.Library);
        _settings = settings;
        _wasThere = Directory.Exists(Path.Combine(settings.Folder, "lmdb"));
        var folder = Directory.CreateDirectory(Path.Combine(settings.Folder, "lmdb")).FullName;
        LmdbLibrary.Check(LmdbLibrary.mdb_env_create(out _environment));
        LmdbLibrary.Check(LmdbLibrary.mdb_env_set_mapsize(_environment, checked((nuint)MapBytes)));
        LmdbLibrary.Check(LmdbLibrary.mdb_env_set_maxreaders(_environment, 512));
        var flags = LmdbLibrary.NoReadAhead | LmdbLibrary.NoThreadLocal | (settings.Durability == Durability.Commit ? 0 : LmdbLibrary.NoSync);
        LmdbLibrary.Check(LmdbLibrary.mdb_env_open(_environment, folder, flags, 0x1A4));
        LmdbLibrary.Check(LmdbLibrary.mdb_txn_begin(_environment, 0, 0, out var transaction));
        LmdbLibrary.Check(LmdbLibrary.mdb_dbi_open(transaction, 0, 0, out _database));
        LmdbLibrary.Check(LmdbLibrary.mdb_txn_commit(transaction));
    }

    /// <inheritdoc/>
    public string Description => "lmdb";

    /// <inheritdoc/>
    public bool IsLoaded => _wasThere;

    /// <inheritdoc/>
    public void Load(long records, int valueBytes, ulong seed)
    {
        using var session = new Session(_environment, _database);
        var random = new BenchmarkRandom(seed);
        var key = new byte[RecordKeys.KeyBytesMax];
        var value = new byte[valueBytes];
        for (var number = 0L; number < records;)
        {
            LmdbLibrary.Check(LmdbLibrary.mdb_txn_begin(_environment, 0, 0, out var transaction));
            for (var end = Math.Min(records, number + LoadBatch); number < end; number++)
            {
                RecordKeys.Fill(value, random);
                session.Put(transaction, key.AsSpan(0, RecordKeys.Write(number, key)), value);
            }
            LmdbLibrary.Check(LmdbLibrary.mdb_txn_commit(transaction));
        }
        LmdbLibrary.Check(LmdbLibrary.mdb_env_sync(_environment, 1));
    }

    /// <inheritdoc/>
    public IStoreSession OpenSession() => new Session(_environment, _database);

    /// <inheritdoc/>
    public long FileBytes() => StoreFolder.Bytes(_settings.Folder);

    /// <inheritdoc/>
    public void Dispose() => LmdbLibrary.mdb_env_close(_environment);

    private sealed class Session : IStoreSession
    {
        private readonly nint _environment;
        private readonly uint _database;
        private readonly nint _keyMemory = Marshal.AllocHGlobal(1024);
        private readonly nint _valueMemory = Marshal.AllocHGlobal(1 << 20);
        private readonly byte[] _value = new byte[1 << 20];
        private readonly nint _reader;

        public Session(nint environment, uint database)
        {
            _environment = environment;
            _database = database;
            LmdbLibrary.Check(LmdbLibrary.mdb_txn_begin(environment, 0, LmdbLibrary.ReadOnly, out _reader));
            LmdbLibrary.mdb_txn_reset(_reader);
        }

        public bool Read(ReadOnlySpan<byte> key, Span<byte> destination, out int valueBytes)
        {
            LmdbLibrary.Check(LmdbLibrary.mdb_txn_renew(_reader));
            var item = Place(key, _keyMemory);
            var error = LmdbLibrary.mdb_get(_reader, _database, ref item, out var value);
            valueBytes = 0;
            if (error != LmdbLibrary.NotFound)
            {
                LmdbLibrary.Check(error);
                valueBytes = (int)value.Bytes;
                Marshal.Copy(value.Data, _value, 0, Math.Min(valueBytes, destination.Length));
            }
            LmdbLibrary.mdb_txn_reset(_reader);
            return error == 0;
        }

        public void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
            LmdbLibrary.Check(LmdbLibrary.mdb_txn_begin(_environment, 0, 0, out var transaction));
            Put(transaction, key, value);
            LmdbLibrary.Check(LmdbLibrary.mdb_txn_commit(transaction));
        }

        public void Put(nint transaction, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
            var keyItem = Place(key, _keyMemory);
            var valueItem = Place(value, _valueMemory);
            LmdbLibrary.Check(LmdbLibrary.mdb_put(transaction, _database, ref keyItem, ref valueItem, 0));
        }

        public int Scan(ReadOnlySpan<byte> key, int records, Span<byte> destination)
        {
            LmdbLibrary.Check(LmdbLibrary.mdb_txn_renew(_reader));
            LmdbLibrary.Check(LmdbLibrary.mdb_cursor_open(_reader, _database, out var cursor));
            var keyItem = Place(key, _keyMemory);
            var value = default(LmdbLibrary.Item);
            var count = 0;
            for (var operation = LmdbLibrary.SetRange; count < records; operation = LmdbLibrary.Next, count++)
            {
                var error = LmdbLibrary.mdb_cursor_get(cursor, ref keyItem, ref value, operation);
                if (error == LmdbLibrary.NotFound)
                    break;
                LmdbLibrary.Check(error);
                Marshal.Copy(value.Data, _value, 0, Math.Min((int)value.Bytes, destination.Length));
            }
            LmdbLibrary.mdb_cursor_close(cursor);
            LmdbLibrary.mdb_txn_reset(_reader);
            return count;
        }

        public void Dispose()
        {
            LmdbLibrary.mdb_txn_abort(_reader);
            Marshal.FreeHGlobal(_keyMemory);
            Marshal.FreeHGlobal(_valueMemory);
        }

        private static LmdbLibrary.Item Place(ReadOnlySpan<byte> bytes, nint memory)
        {
            for (var i = 0; i + 8 <= bytes.Length; i += 8)
                Marshal.WriteInt64(memory, i, BitConverter.ToInt64(bytes[i..]));
            for (var i = bytes.Length & ~7; i < bytes.Length; i++)
                Marshal.WriteByte(memory, i, bytes[i]);
            return new LmdbLibrary.Item { Bytes = (nuint)bytes.Length, Data = memory };
        }
    }
}
