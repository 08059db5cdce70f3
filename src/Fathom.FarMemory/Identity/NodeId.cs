namespace Fathom.FarMemory.Identity;

/// <summary>A memory node. The id stays when the process behind it restarts; its <see cref="Incarnation"/> does not.</summary>
public readonly record struct NodeId(ushort Value);
