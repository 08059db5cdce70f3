namespace Fathom.FarMemory.Identity;

/// <summary>A span in far memory, unique within the pool that wrote it for as long as it lives. Zero names none.</summary>
public readonly record struct SpanId(uint Value);
