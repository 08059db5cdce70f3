using System.Runtime.CompilerServices;
using Fathom.Bpf.Execution.Compilation;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Verification;
using Fathom.Memory;

namespace Fathom.Bpf.Execution;

/// <summary>A program compiled to .NET IL, one method for each subprogram, and from there by the runtime to machine code.</summary>
/// <remarks>
/// Immutable; any number of threads may run it at once, and a run of a verified program allocates nothing. Gives what
/// <see cref="Interpreter"/> gives, faults and their places included. Compilation costs the runtime's just-in-time compiler once;
/// methods above some ten thousand instructions are compiled by it without optimisation. Not for ahead-of-time builds.
/// </remarks>
public sealed unsafe class CompiledProgram
{
    private const int StackAlignment = 16;

    private readonly BoundProgram _bound;
    private readonly EntryPoint _entry;
    private readonly int _stackBytes;

    private CompiledProgram(BoundProgram bound)
    {
        _bound = bound;
        _entry = ProgramEmitter.Emit(bound);
        _stackBytes = StackBytes(bound.Program);
    }

    /// <summary>For a verified program: memory is touched without checks.</summary>
    /// <exception cref="BindingException">The program's type can only be verified, or a map or function is missing.</exception>
    public static CompiledProgram Compile(VerifiedProgram program, ProgramBinding binding) => new(BoundProgram.Verified(program, binding));

    /// <summary>For a program that nobody verified: each access is checked against the memory it was given, its stack and its maps.</summary>
    /// <exception cref="BindingException">A slot is no instruction, or a map is missing.</exception>
    public static CompiledProgram CompileChecked(BpfProgram program, ProgramBinding binding) => new(new BoundProgram(program, binding, isChecked: true));

    /// <summary>Runs the program from its first slot.</summary>
    /// <param name="memory">What it may touch; of its type's shape when the program is verified.</param>
    /// <param name="limits">What it may spend.</param>
    public RunOutcome Run(in ProgramMemory memory, in ExecutionLimits limits) =>
        _stackBytes == 0 ? Run(memory, limits, default) : RunOnStack(memory, limits);

    /// <summary>As the public run, on a stack of the caller's, aligned to 16.</summary>
    internal RunOutcome Run(in ProgramMemory memory, in ExecutionLimits limits, NativeView stack)
    {
        BpfRun run = default;
        _bound.Begin(ref run, memory, limits, stack);
        var result = _entry(ref run, run.ContextAddress, run.ContextBytes, 0, 0, 0, (ulong)(stack.Pointer + stack.Length));
        return BoundProgram.End(run, result);
    }

    [SkipLocalsInit]
    private RunOutcome RunOnStack(in ProgramMemory memory, in ExecutionLimits limits)
    {
        var stackMemory = stackalloc byte[_stackBytes + StackAlignment];
        // SAFETY: rounding up takes at most the StackAlignment bytes that were asked for in addition.
        return Run(memory, limits, new NativeView((byte*)(((ulong)stackMemory + StackAlignment - 1) & ~(StackAlignment - 1UL)), _stackBytes));
    }

    /// <summary>Nothing for a program that never names R10, one frame when it calls nothing, else all that a run can nest.</summary>
    private static int StackBytes(BpfProgram program)
    {
        var usesStack = program.Instructions.Any(slot => slot.Destination == BpfInstruction.FramePointer || slot.Source == BpfInstruction.FramePointer);
        var frames = !usesStack ? 0 : program.SubprogramEntries.Length == 1 ? 1 : ExecutionLimits.FramesMax;
        return frames * ExecutionLimits.FrameBytes;
    }
}
