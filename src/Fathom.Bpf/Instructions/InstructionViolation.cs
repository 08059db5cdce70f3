namespace Fathom.Bpf.Instructions;

/// <summary>A slot that is no instruction, or a jump that leads to none.</summary>
/// <param name="Instruction">Slot index.</param>
/// <param name="Reason">One line, with the values that were found.</param>
public readonly record struct InstructionViolation(int Instruction, string Reason);
