using System.Collections.Immutable;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Verification;

/// <summary>A program that the verifier accepted. Only <see cref="Verifier"/> makes one.</summary>
/// <remarks>
/// Immutable. With a context of its type, memory as its functions' prototypes promise, and maps as its definitions say, a run touches
/// nothing else, reads nothing uninitialised and executes at most <see cref="VerifierEffort.InstructionsProcessed"/> instructions:
/// a pruned path goes on in a state that was explored to the end before, so no instruction that the verifier walked through
/// is passed twice in one run.
/// </remarks>
public sealed class VerifiedProgram : VerifierResult
{
    internal VerifiedProgram(BpfProgram program, ProgramType type, VerifierEffort effort, ImmutableArray<bool> reached, ImmutableArray<int> stackBytes)
        : base(effort)
    {
        Program = program;
        Type = type;
        Reached = reached;
        SubprogramStackBytes = stackBytes;
    }

    /// <summary>The program.</summary>
    public BpfProgram Program { get; }

    /// <summary>The type that it was verified for.</summary>
    public ProgramType Type { get; }

    /// <summary>Whether any path executes a slot. A branch towards a slot that is not reached is never taken.</summary>
    public ImmutableArray<bool> Reached { get; }

    /// <summary>Stack that each subprogram uses, in bytes, a multiple of 8.</summary>
    public ImmutableArray<int> SubprogramStackBytes { get; }
}
