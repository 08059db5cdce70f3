namespace Fathom.FarMemory.Compaction;

/// <summary>Sets that may be paired for compaction: fragments of one length, slot by slot on the same nodes.</summary>
/// <param name="Layout">Hash of the nodes in slot order.</param>
/// <param name="FragmentBytes">Length of the fragments; 0 when the set is in no index.</param>
/// <param name="LiveMask">Live slots when it was put there.</param>
internal readonly record struct HoleKey(ulong Layout, int FragmentBytes, uint LiveMask);
