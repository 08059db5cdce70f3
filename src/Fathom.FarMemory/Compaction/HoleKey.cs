namespace Fathom.FarMemory.Compaction;

/// <summary>Under what a set is filed among those with dead slots.</summary>
/// <param name="FragmentBytes">Length of its fragments; 0 when it is in no index.</param>
/// <param name="LiveNodes">Nodes of its live slots, one bit each.</param>
/// <param name="DeadNodes">Nodes of its dead slots, one bit each.</param>
internal readonly record struct HoleKey(int FragmentBytes, ulong LiveNodes, ulong DeadNodes);
