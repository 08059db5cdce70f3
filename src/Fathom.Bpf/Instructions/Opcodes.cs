namespace Fathom.Bpf.Instructions;

/// <summary>Opcodes that stand for one instruction each, and how the others are put together.</summary>
public static class Opcodes
{
    /// <summary>Bit 3 of arithmetic and jumps: the second operand is a register. Of a byte swap: to big endian.</summary>
    public const byte SourceRegister = 0x08;

    /// <summary>dst = 64-bit immediate, in two slots.</summary>
    public const byte LoadWideImmediate = 0x18;

    /// <summary>goto offset.</summary>
    public const byte Jump = 0x05;

    /// <summary>goto immediate.</summary>
    public const byte JumpLong = 0x06;

    /// <summary>Call of a helper, subprogram or kfunc.</summary>
    public const byte Call = 0x85;

    /// <summary>Call of the helper whose number stands in the destination register; no part of RFC 9669.</summary>
    public const byte CallRegister = 0x8d;

    /// <summary>Return.</summary>
    public const byte Exit = 0x95;

    /// <summary>An arithmetic opcode.</summary>
    public static byte Alu(AluOperation operation, bool wide, bool register) =>
        (byte)((byte)operation | (register ? SourceRegister : 0) | (byte)(wide ? InstructionClass.Alu64 : InstructionClass.Alu32));

    /// <summary>A conditional jump's opcode.</summary>
    public static byte Compare(JumpOperation operation, bool wide, bool register) =>
        (byte)((byte)operation | (register ? SourceRegister : 0) | (byte)(wide ? InstructionClass.Jump64 : InstructionClass.Jump32));

    /// <summary>A load's or store's opcode.</summary>
    public static byte Access(InstructionClass kind, AccessMode mode, AccessSize size) => (byte)((byte)kind | (byte)mode | (byte)size);
}
