namespace Fathom.Bpf.Verification;

/// <summary>How much a program may ask for, and how strictly it is read.</summary>
public sealed record VerifierLimits
{
    /// <summary>The limits that the kernel has for privileged users, but addresses may not leak.</summary>
    public static VerifierLimits Default { get; } = new();

    /// <summary>Instructions that the verifier walks through over all paths; it also bounds the instructions of a run.</summary>
    public int InstructionsMax { get; init; } = 1_000_000;

    /// <summary>Branches put aside at one time.</summary>
    public int PendingBranchesMax { get; init; } = 8192;

    /// <summary>Stack of a subprogram, and of every chain of calls together.</summary>
    public int StackBytesMax { get; init; } = 512;

    /// <summary>Subprograms active at one time, the program's own frame included.</summary>
    public int FramesMax { get; init; } = 8;

    /// <summary>Programs may turn pointers into numbers and hand them out.</summary>
    public bool AllowsPointerLeaks { get; init; }

    /// <summary>Every access must be aligned to its size, not only those of the stack, of the context and of atomic operations.</summary>
    public bool RequiresAlignment { get; init; }
}
