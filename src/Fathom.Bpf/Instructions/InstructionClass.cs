namespace Fathom.Bpf.Instructions;

/// <summary>The low three bits of an opcode.</summary>
/// <remarks>Source: RFC 9669, section 3.1.</remarks>
public enum InstructionClass : byte
{
    /// <summary>Non-standard loads; here only the 64-bit immediate.</summary>
    Load = 0x00,

    /// <summary>Memory into a register.</summary>
    LoadRegister = 0x01,

    /// <summary>An immediate into memory.</summary>
    Store = 0x02,

    /// <summary>A register into memory, and the atomic operations.</summary>
    StoreRegister = 0x03,

    /// <summary>32-bit arithmetic; the result zero-extends.</summary>
    Alu32 = 0x04,

    /// <summary>64-bit comparisons, calls, exit.</summary>
    Jump64 = 0x05,

    /// <summary>32-bit comparisons.</summary>
    Jump32 = 0x06,

    /// <summary>64-bit arithmetic.</summary>
    Alu64 = 0x07,
}
