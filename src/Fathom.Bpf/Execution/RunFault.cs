namespace Fathom.Bpf.Execution;

/// <summary>Why a run stopped before exit.</summary>
public enum RunFault
{
    /// <summary>It did not: the program returned.</summary>
    None,

    /// <summary>More backward jumps and calls than <see cref="ExecutionLimits.FuelMax"/>.</summary>
    OutOfFuel,

    /// <summary>An access outside of the memory the program was given, or a write to memory it may only read.</summary>
    MemoryOutOfBounds,

    /// <summary>An atomic access at an address that its size does not divide.</summary>
    MisalignedAtomic,

    /// <summary>More nested calls than <see cref="ExecutionLimits.CallDepthMax"/>.</summary>
    CallTooDeep,

    /// <summary>A call of a helper or kfunc that the engine does not have.</summary>
    UnknownFunction,

    /// <summary>A helper got an argument that is no map, no record, or not what it must be.</summary>
    BadArgument,
}
