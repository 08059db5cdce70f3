using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Verification;

/// <summary>Why a program was turned down.</summary>
public enum RejectionReason
{
    /// <summary>A slot is no instruction, or a jump leads to none.</summary>
    InvalidInstruction,

    /// <summary>Instructions that no path can reach.</summary>
    UnreachableInstruction,

    /// <summary>A subprogram's last instruction is neither exit nor jump.</summary>
    FallsOffTheEnd,

    /// <summary>A subprogram calls itself, directly or through others.</summary>
    Recursion,

    /// <summary>Too many subprograms are active at one time.</summary>
    TooManyFrames,

    /// <summary>The stack of a chain of calls is too large.</summary>
    StackTooLarge,

    /// <summary>A loop comes back to a state it was in before.</summary>
    InfiniteLoop,

    /// <summary>The verifier walked through its limit of instructions.</summary>
    TooComplex,

    /// <summary>A register is read that nothing was written to.</summary>
    UninitialisedRegister,

    /// <summary>Stack is read that nothing was written to.</summary>
    UninitialisedStack,

    /// <summary>Memory outside of what the pointer gives access to.</summary>
    OutOfBounds,

    /// <summary>An access through something that is no pointer, or a pointer that may be null.</summary>
    InvalidMemoryAccess,

    /// <summary>A field of the context that may not be accessed this way.</summary>
    InvalidContextAccess,

    /// <summary>A write to memory that is read-only.</summary>
    ReadOnlyMemory,

    /// <summary>An access that must be aligned and is not.</summary>
    Misaligned,

    /// <summary>Arithmetic that this pointer does not allow.</summary>
    InvalidPointerArithmetic,

    /// <summary>An address would become a number, or leave the program.</summary>
    PointerLeak,

    /// <summary>A function that this type of program may not call.</summary>
    UnknownFunction,

    /// <summary>An argument that the function does not take.</summary>
    InvalidArgument,

    /// <summary>A map that is not there, or of a kind that the function does not take.</summary>
    InvalidMap,

    /// <summary>Division by the constant zero or a shift by a constant beyond the width.</summary>
    InvalidOperation,

    /// <summary>An atomic operation where none is allowed.</summary>
    InvalidAtomic,

    /// <summary>A record that the program took was not handed on.</summary>
    UnreleasedRecord,

    /// <summary>What the program returns is no number.</summary>
    InvalidResult,
}

/// <summary>A program that the verifier turned down.</summary>
public sealed class Rejection : VerifierResult
{
    internal Rejection(BpfProgram program, int instructionIndex, RejectionReason reason, string message, string registerState, VerifierEffort effort)
        : base(effort)
    {
        Program = program;
        InstructionIndex = instructionIndex;
        Reason = reason;
        Message = message;
        RegisterState = registerState;
    }

    /// <summary>The program.</summary>
    public BpfProgram Program { get; }

    /// <summary>Slot index of the instruction that was turned down.</summary>
    public int InstructionIndex { get; }

    /// <summary>The kind of reason.</summary>
    public RejectionReason Reason { get; }

    /// <summary>One line with the register and values, in the words of the kernel's verifier where it has some.</summary>
    public string Message { get; }

    /// <summary>Registers and stack before the instruction on the path that failed; empty when the program's form was wrong.</summary>
    public string RegisterState { get; }

    /// <summary>Program, slot, source line and reason in one line.</summary>
    public override string ToString()
    {
        var line = Program.SourceLineOf(InstructionIndex);
        var source = line is { } known ? $" ({known.File}:{known.Line})" : "";
        return $"{Program.Name}: instruction {InstructionIndex}{source}: {Message}";
    }
}
