using Fathom.Tiering.Stores;
using Fathom.Tiering.Tiers;
using Microsoft.Extensions.Logging;

namespace Fathom.Tiering.Loads;

/// <summary>What all loads of a tiering share.</summary>
internal sealed record LoadGround(
    KvTieringOptions Options, IReadOnlyList<WatchedTier> Tiers, StagingMemory Memory, WriteBehind Stores, TimeProvider Time, ILogger Logger)
{
    /// <summary>These blocks are not to be had: whoever computes them may store them.</summary>
    public void Forget(ReadOnlySpan<KvBlockKey> keys) => Stores.Forget(keys);
}
