using Fathom.Storage.KeyValue.Tables;

namespace Fathom.Storage.KeyValue.Trees;

/// <summary>Where a read looks, newest first: the table that takes writes, the one that is being merged, the tree.</summary>
internal sealed record StoreState(MemoryTable Active, MemoryTable? Frozen, TreeVersion Tree);
