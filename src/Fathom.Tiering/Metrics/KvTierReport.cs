using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.Metrics;

/// <summary>What a tier gave and took since the tiering was made.</summary>
/// <param name="HitBlocks">Blocks that look-ups found.</param>
/// <param name="MissBlocks">Blocks that look-ups wanted and the tier did not have.</param>
/// <param name="FetchedBlocks">Blocks that came from it.</param>
/// <param name="StoredBlocks">Blocks written to it.</param>
/// <param name="NotStoredBlocks">Blocks that it did not take.</param>
/// <param name="Fallbacks">Loads that were cut short, so that the rest was computed.</param>
/// <param name="AvoidedTokens">Prompt tokens that came from it instead of being computed.</param>
public readonly record struct KvTierTotals(
    long HitBlocks, long MissBlocks, long FetchedBlocks, long StoredBlocks, long NotStoredBlocks, long Fallbacks, long AvoidedTokens);

/// <summary>A tier as it stands.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Usage">What it holds.</param>
/// <param name="Totals">What it gave and took.</param>
/// <param name="IsPaused">It failed so often that it is only probed.</param>
public sealed record KvTierReport(string Name, KvTierUsage Usage, KvTierTotals Totals, bool IsPaused);
