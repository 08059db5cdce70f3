namespace Fathom.Storage.KeyValue.Loading;

/// <summary>How a store is filled.</summary>
public sealed record LoadOptions
{
    /// <summary>Bytes of pairs that are sorted in memory; what is beyond goes through sorted runs in temporary files beside the store.</summary>
    public long SortBytes { get; init; } = 128 << 20;

    /// <summary>Whether the store's file is written past the page cache.</summary>
    public bool Direct { get; init; } = true;

    /// <summary>Called now and then with the pairs that are in the tree.</summary>
    public Action<long>? Progress { get; init; }
}
