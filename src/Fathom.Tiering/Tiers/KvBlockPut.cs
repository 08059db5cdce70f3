using Fathom.Memory;

namespace Fathom.Tiering.Tiers;

/// <summary>A block on its way into a tier.</summary>
/// <param name="Key">Its name.</param>
/// <param name="Parent">Key of the block before it in its chain, or the chain's root.</param>
/// <param name="Depth">Its place in the chain: 0 for the block after the root.</param>
/// <param name="Content">Its bytes, in native memory as <see cref="IKvTier"/> says.</param>
public readonly record struct KvBlockPut(KvBlockKey Key, KvBlockKey Parent, int Depth, NativeView Content);
