using System.Collections.Immutable;

namespace Fathom.Bpf.Maps;

/// <summary>What a map is before it has memory: as an object file declares it and as the verifier reads it.</summary>
/// <remarks>Two references to the same instance mean the same map.</remarks>
public sealed record MapDefinition
{
    /// <summary>As declared.</summary>
    public required string Name { get; init; }

    /// <summary>Array, hash, per-CPU array or ring buffer.</summary>
    public required MapKind Kind { get; init; }

    /// <summary>Bytes of a key; 0 for a ring buffer.</summary>
    public required int KeyBytes { get; init; }

    /// <summary>Bytes of a value; 0 for a ring buffer.</summary>
    public required int ValueBytes { get; init; }

    /// <summary>Entries; for a ring buffer its bytes, a power of two.</summary>
    public required int EntriesMax { get; init; }

    /// <summary>Programs may only read the values, as with .rodata.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>First content of the first value (globals); empty for zeros.</summary>
    public ImmutableArray<byte> InitialValue { get; init; } = [];
}
