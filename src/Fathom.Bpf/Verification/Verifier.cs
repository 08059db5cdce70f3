using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Verification;

/// <summary>Proves that a program stays within the memory it is given and ends, or says where it may not.</summary>
/// <remarks>
/// Abstract interpretation: every path is walked with what is known of registers and stack (kind, bounds, known bits), until it ends or
/// meets a state that an ended exploration covers. Any thread; a call shares nothing with another.
/// Source of the method: the Linux kernel's verifier (kernel/bpf/verifier.c).
/// </remarks>
public static class Verifier
{
    /// <summary>Verifies with the default limits.</summary>
    /// <param name="program">Hostile.</param>
    /// <param name="type">What the program may count on.</param>
    public static VerifierResult Verify(BpfProgram program, ProgramType type) => Verify(program, type, VerifierLimits.Default);

    /// <summary>Verifies.</summary>
    /// <param name="program">Hostile.</param>
    /// <param name="type">What the program may count on.</param>
    /// <param name="limits">How much it may ask for.</param>
    /// <returns>A <see cref="VerifiedProgram"/> or a <see cref="Rejection"/>.</returns>
    public static VerifierResult Verify(BpfProgram program, ProgramType type, VerifierLimits limits)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(limits);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limits.StackBytesMax, StackFrame.SlotsMax * 8, nameof(limits));
        if (program.Instructions.Length > limits.InstructionsMax)
            return Reject(program, 0, RejectionReason.TooComplex, $"BPF program is too large: {program.Instructions.Length} instructions, {limits.InstructionsMax} are allowed");
        if (InstructionRules.FindViolation(program) is { } violation)
            return Reject(program, violation.Instruction, RejectionReason.InvalidInstruction, violation.Reason);
        if (ControlFlow.Build(program, out var fault) is not { } flow)
            return Reject(program, fault.Instruction, fault.Reason, fault.Message);
        var inspection = new Inspection(program, type, limits);
        var explorer = new PathExplorer(inspection, flow);
        if (!explorer.Walk())
            return new Rejection(program, inspection.Index, inspection.Reason, inspection.Message!, inspection.State.ToString(), explorer.Effort);
        if (flow.FindStackOverflow(inspection.StackBytes, limits.StackBytesMax, out var stackBytes) is { } site)
            return Reject(program, site, RejectionReason.StackTooLarge, $"combined stack size of {stackBytes} bytes is too large, {limits.StackBytesMax} are allowed");
        return new VerifiedProgram(program, type, explorer.Effort, [.. explorer.Reached], [.. inspection.StackBytes]);
    }

    private static Rejection Reject(BpfProgram program, int instruction, RejectionReason reason, string message) =>
        new(program, instruction, reason, message, "", default);
}
