namespace Fathom.Ycsb.Stores;

/// <summary>A store under test. Any number of sessions, one a thread.</summary>
public interface IBenchmarkStore : IDisposable
{
    /// <summary>Name and version.</summary>
    string Description { get; }

    /// <summary>Whether records of an earlier run are there.</summary>
    bool IsLoaded { get; }

    /// <summary>Fills the empty store with records 0 to <paramref name="records"/> - 1 as fast as it knows how.</summary>
    void Load(long records, int valueBytes, ulong seed);

    /// <summary>For one thread.</summary>
    IStoreSession OpenSession();

    /// <summary>Bytes of its files.</summary>
    long FileBytes();
}

/// <summary>One thread's way to a store.</summary>
public interface IStoreSession : IDisposable
{
    /// <summary>Copies a value; false when there is none.</summary>
    bool Read(ReadOnlySpan<byte> key, Span<byte> destination, out int valueBytes);

    /// <summary>Sets a key.</summary>
    void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <summary>Reads records in order from a key on and touches each value; returns how many there were.</summary>
    int Scan(ReadOnlySpan<byte> key, int records, Span<byte> destination);
}
