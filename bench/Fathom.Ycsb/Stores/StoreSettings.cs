using Fathom.Storage;
using Fathom.Storage.KeyValue;

namespace Fathom.Ycsb.Stores;

/// <summary>What all stores get alike.</summary>
/// <param name="Folder">Where the files go.</param>
/// <param name="MemoryBytes">Caches and write buffers together.</param>
/// <param name="Durability">When a write counts as done.</param>
/// <param name="Engine">Engine of the storage functions; of no meaning to the others.</param>
/// <param name="WriteBuffer">Bytes of one write buffer; null for an eighth of the memory.</param>
/// <param name="Library">Native library of the others; null for the system's.</param>
public sealed record StoreSettings(string Folder, long MemoryBytes, Durability Durability, EngineKind Engine, long? WriteBuffer, string? Library)
{
    /// <summary>Bytes of one write buffer; there are two: if not given an eighth each, from 4 to 64 MiB.</summary>
    public long WriteBufferBytes => WriteBuffer ?? Math.Clamp(MemoryBytes / 8, 4L << 20, 64L << 20);

    /// <summary>What is left for caches.</summary>
    public long CacheBytes => Math.Max(1 << 20, MemoryBytes - 2 * WriteBufferBytes);
}
