using Fathom.Bpf.Compiler.Registers;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Compiler.Lowering;

/// <summary>What a value on the evaluation stack is while a block is lowered: most need no code until they are used.</summary>
internal enum EntryKind
{
    /// <summary>A constant.</summary>
    Constant,

    /// <summary>A virtual register plus a constant.</summary>
    Register,

    /// <summary>A comparison that was not used yet.</summary>
    Comparison,
}

/// <summary>A value on the evaluation stack.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="IsWide">64 bits: long, native int, pointer, reference. Of the others only the low half counts.</param>
/// <param name="Register">Of a register, and the left side of a comparison.</param>
/// <param name="Value">The constant, or what is added to the register.</param>
/// <param name="Right">Right side of a comparison.</param>
/// <param name="Comparison">The comparison.</param>
/// <param name="ComparesWide">The comparison is of 64 bits.</param>
internal readonly record struct StackEntry(
    EntryKind Kind, bool IsWide, int Register, long Value, Operand Right = default, JumpOperation Comparison = default, bool ComparesWide = false)
{
    public static StackEntry OfConstant(long value, bool isWide) => new(EntryKind.Constant, isWide, Operation.None, value);

    public static StackEntry OfRegister(int register, bool isWide, long offset = 0) => new(EntryKind.Register, isWide, register, offset);

    public static StackEntry OfComparison(JumpOperation comparison, int left, Operand right, bool wide) =>
        new(EntryKind.Comparison, false, left, 0, right, comparison, wide);

    /// <summary>Whether a new value in the register would change this one.</summary>
    public bool DependsOn(int register) =>
        (Kind != EntryKind.Constant && Register == register) || (Kind == EntryKind.Comparison && !Right.IsConstant && Right.Register == register);
}
