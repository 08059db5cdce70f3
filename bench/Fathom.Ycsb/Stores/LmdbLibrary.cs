using System.Runtime.InteropServices;

namespace Fathom.Ycsb.Stores;

/// <summary>The part of LMDB's interface that the benchmark calls (lmdb.h of 0.9.24).</summary>
internal static class LmdbLibrary
{
    /// <summary>MDB_NOSYNC.</summary>
    public const uint NoSync = 0x10000;

    /// <summary>MDB_RDONLY.</summary>
    public const uint ReadOnly = 0x20000;

    /// <summary>MDB_NOTLS.</summary>
    public const uint NoThreadLocal = 0x200000;

    /// <summary>MDB_NORDAHEAD.</summary>
    public const uint NoReadAhead = 0x800000;

    /// <summary>MDB_NOTFOUND.</summary>
    public const int NotFound = -30798;

    /// <summary>MDB_NEXT.</summary>
    public const int Next = 8;

    /// <summary>MDB_SET_RANGE.</summary>
    public const int SetRange = 17;

    private const string Name = "fathom-lmdb";
    private const string SystemName = "liblmdb.so.0";

    private static nint s_library;

    /// <summary>Binds the calls to a library.</summary>
    public static void Bind(string? library)
    {
        if (s_library != 0)
            return;
        s_library = StoreFolder.LoadLibrary(library ?? SystemName, "liblmdb0");
        NativeLibraries.Add(Name, s_library);
    }

    [DllImport(Name)] public static extern int mdb_env_create(out nint environment);

    [DllImport(Name)] public static extern int mdb_env_set_mapsize(nint environment, nuint bytes);

    [DllImport(Name)] public static extern int mdb_env_set_maxreaders(nint environment, uint readers);

    [DllImport(Name)] public static extern int mdb_env_open(nint environment, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint flags, uint mode);

    [DllImport(Name)] public static extern void mdb_env_close(nint environment);

    [DllImport(Name)] public static extern int mdb_env_sync(nint environment, int force);

    [DllImport(Name)] public static extern int mdb_txn_begin(nint environment, nint parent, uint flags, out nint transaction);

    [DllImport(Name)] public static extern int mdb_txn_commit(nint transaction);

    [DllImport(Name)] public static extern void mdb_txn_abort(nint transaction);

    [DllImport(Name)] public static extern void mdb_txn_reset(nint transaction);

    [DllImport(Name)] public static extern int mdb_txn_renew(nint transaction);

    [DllImport(Name)] public static extern int mdb_dbi_open(nint transaction, nint name, uint flags, out uint database);

    [DllImport(Name)] public static extern int mdb_get(nint transaction, uint database, ref Item key, out Item value);

    [DllImport(Name)] public static extern int mdb_put(nint transaction, uint database, ref Item key, ref Item value, uint flags);

    [DllImport(Name)] public static extern int mdb_cursor_open(nint transaction, uint database, out nint cursor);

    [DllImport(Name)] public static extern int mdb_cursor_get(nint cursor, ref Item key, ref Item value, int operation);

    [DllImport(Name)] public static extern void mdb_cursor_close(nint cursor);

    [DllImport(Name)] private static extern nint mdb_strerror(int error);

    /// <summary>Throws for an error that the library gave.</summary>
    public static void Check(int error)
    {
        if (error != 0)
            throw new YcsbException($"lmdb: {Marshal.PtrToStringUTF8(mdb_strerror(error))}");
    }

    /// <summary>MDB_val.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Item
    {
        public nuint Bytes;
        public nint Data;
    }
}
