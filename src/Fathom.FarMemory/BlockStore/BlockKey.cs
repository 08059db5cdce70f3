namespace Fathom.FarMemory.BlockStore;

/// <summary>Name of a block within its namespace: a hash that the caller computed, of its content or of the prefix it ends.</summary>
public readonly record struct BlockKey(UInt128 Hash);

/// <summary>A hold on the blocks of one prefix match, for a limited time.</summary>
public readonly record struct LeaseId(long Value);

/// <summary>How many blocks of a prefix are there, from the first on.</summary>
/// <param name="Blocks">Leading keys that are there.</param>
/// <param name="Lease">Holds those blocks; zero when there are none.</param>
/// <param name="Expires">When the lease ends unless it is renewed.</param>
/// <param name="HasFailed">The store could not be asked: what it has is not known.</param>
public readonly record struct PrefixHit(int Blocks, LeaseId Lease, DateTimeOffset Expires, bool HasFailed = false);
