namespace Fathom.Tiering.Tiers;

/// <summary>A tier's hold on the blocks of one match, until it is released or its time is over.</summary>
/// <param name="Value">The tier's own number; 0 holds nothing.</param>
public readonly record struct KvLease(long Value);

/// <summary>How much of a chain a tier has.</summary>
/// <param name="Blocks">Leading keys of the chain whose blocks can be read.</param>
/// <param name="Lease">Holds those blocks; default when there are none.</param>
/// <param name="HasFailed">The tier could not look, so that 0 blocks say nothing about what it has.</param>
public readonly record struct KvPrefixMatch(int Blocks, KvLease Lease, bool HasFailed = false)
{
    /// <summary>The tier could not be asked.</summary>
    public static KvPrefixMatch Failed => new(0, default, HasFailed: true);
}
