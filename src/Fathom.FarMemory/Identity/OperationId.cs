namespace Fathom.FarMemory.Identity;

/// <summary>A compaction or rebuild among nodes. Whatever carries it takes effect at most once.</summary>
public readonly record struct OperationId(ulong Value);
