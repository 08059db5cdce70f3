namespace Fathom.FarMemory.Identity;

/// <summary>A set of k data and m parity fragments that are decoded together.</summary>
public readonly record struct SpanSetId(uint Value);
