using Fathom.FarMemory.Identity;

namespace Fathom.FarMemory.Node;

/// <summary>One fragment on a node: where it stands and which one is meant.</summary>
/// <param name="Region">Region of the node.</param>
/// <param name="Offset">Bytes from the region's start, a multiple of its granule.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Generation">The one that was written; any other is another fragment.</param>
internal readonly record struct FragmentRange(RegionId Region, ulong Offset, uint Length, Generation Generation);
