namespace Fathom.Tiering.Tiers;

/// <summary>What a tier holds.</summary>
/// <param name="Blocks">Blocks that can be matched.</param>
/// <param name="Bytes">Their bytes, with what the tier keeps beside them.</param>
/// <param name="CapacityBytes">Most bytes it may hold.</param>
/// <param name="EvictedBlocks">Blocks that made room for others since the tier opened.</param>
/// <param name="CorruptBlocks">Blocks whose bytes were not those stored, since the tier opened.</param>
public readonly record struct KvTierUsage(long Blocks, long Bytes, long CapacityBytes, long EvictedBlocks, long CorruptBlocks);
