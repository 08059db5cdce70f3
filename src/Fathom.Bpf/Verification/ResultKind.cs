namespace Fathom.Bpf.Verification;

/// <summary>What a helper or kfunc leaves in R0.</summary>
public enum ResultKind
{
    /// <summary>Nothing: R0 may not be read.</summary>
    None,

    /// <summary>A number.</summary>
    Scalar,

    /// <summary>A value of the map argument, or null.</summary>
    MapValueOrNull,

    /// <summary>Read-only memory of the size of argument <see cref="ArgumentKind.ResultSize"/>, or null.</summary>
    ReadOnlyMemoryOrNull,

    /// <summary>Memory of the size of argument <see cref="ArgumentKind.ResultSize"/>, or null.</summary>
    MemoryOrNull,

    /// <summary>A record of that size, or null; it must be handed on to a function that takes an <see cref="ArgumentKind.Record"/> before the program ends.</summary>
    RecordOrNull,
}
