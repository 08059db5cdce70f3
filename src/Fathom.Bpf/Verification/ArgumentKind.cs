namespace Fathom.Bpf.Verification;

/// <summary>What a helper or kfunc takes in one of R1 to R5.</summary>
public enum ArgumentKind
{
    /// <summary>Any number. A pointer would leak an address.</summary>
    Scalar,

    /// <summary>The program's context, as it was given.</summary>
    Context,

    /// <summary>A map with keys: array, hash, per-CPU array.</summary>
    Map,

    /// <summary>A ring buffer.</summary>
    RingBuffer,

    /// <summary>Initialised memory of the key size of the map argument.</summary>
    MapKey,

    /// <summary>Initialised memory of the value size of the map argument.</summary>
    MapValue,

    /// <summary>Initialised memory; the next argument is its <see cref="Size"/> or <see cref="SizeOrZero"/>.</summary>
    ReadableMemory,

    /// <summary>As <see cref="ReadableMemory"/>, or null with size 0.</summary>
    ReadableMemoryOrNull,

    /// <summary>Memory that the function fills; the next argument is its size. It need not be initialised.</summary>
    WritableMemory,

    /// <summary>Bytes of the memory before it, at least 1.</summary>
    Size,

    /// <summary>Bytes of the memory before it, may be 0.</summary>
    SizeOrZero,

    /// <summary>A known constant, at least 1: the size of the memory that the function returns.</summary>
    ResultSize,

    /// <summary>A record from <see cref="ResultKind.RecordOrNull"/>; the function takes it over.</summary>
    Record,
}
