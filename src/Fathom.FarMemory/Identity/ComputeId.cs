namespace Fathom.FarMemory.Identity;

/// <summary>A compute process: the owner of regions, for as long as its lease holds.</summary>
public readonly record struct ComputeId(ulong Value);
