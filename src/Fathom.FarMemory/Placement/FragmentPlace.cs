using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Node;

namespace Fathom.FarMemory.Placement;

/// <summary>Where one fragment stands and what its bytes must be. Default is a slot that holds nothing: zeros to the code.</summary>
/// <param name="Region">The region it stands in.</param>
/// <param name="Granule">First granule in the region.</param>
/// <param name="OffsetBytes">The same in bytes.</param>
/// <param name="LengthBytes">Length of the fragment.</param>
/// <param name="Generation">The write that put it there.</param>
/// <param name="Checksum">CRC32C of its bytes, as this process acknowledged them.</param>
internal readonly record struct FragmentPlace(
    FarRegion Region, int Granule, long OffsetBytes, int LengthBytes, Generation Generation, uint Checksum)
{
    public bool IsEmpty => Region is null;

    public FarNode Node => Region.Node;

    /// <summary>The address as nodes know it.</summary>
    public FragmentRange Range => new(Region.Grant.Region, (ulong)OffsetBytes, (uint)LengthBytes, Generation);
}
