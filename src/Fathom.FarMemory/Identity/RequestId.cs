namespace Fathom.FarMemory.Identity;

/// <summary>One message to a node and its reply, unique within the sender's life.</summary>
public readonly record struct RequestId(ulong Value);
