namespace Fathom.FarMemory.Identity;

/// <summary>A region: a large contiguous piece of one memory node, allotted to one compute process.</summary>
public readonly record struct RegionId(ushort Value);
