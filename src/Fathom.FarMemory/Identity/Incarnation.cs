namespace Fathom.FarMemory.Identity;

/// <summary>One life of a node's process. A node that restarts has another one and holds none of the bytes it held before.</summary>
public readonly record struct Incarnation(ulong Value);
