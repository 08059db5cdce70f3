namespace Fathom.Bpf.Instructions;

/// <summary>The high four bits of an arithmetic opcode.</summary>
/// <remarks>Source: RFC 9669, section 4.1. SDIV and SMOD are DIV and MOD with offset 1; MOVSX is MOV with offset 8, 16 or 32.</remarks>
public enum AluOperation : byte
{
    /// <summary>dst += src.</summary>
    Add = 0x00,

    /// <summary>dst -= src.</summary>
    Subtract = 0x10,

    /// <summary>dst *= src.</summary>
    Multiply = 0x20,

    /// <summary>dst = src != 0 ? dst / src : 0; signed when the offset is 1.</summary>
    Divide = 0x30,

    /// <summary>dst |= src.</summary>
    Or = 0x40,

    /// <summary>dst &amp;= src.</summary>
    And = 0x50,

    /// <summary>dst &lt;&lt;= src, masked to the width.</summary>
    ShiftLeft = 0x60,

    /// <summary>dst &gt;&gt;= src, zeros from the left, masked to the width.</summary>
    ShiftRight = 0x70,

    /// <summary>dst = -dst.</summary>
    Negate = 0x80,

    /// <summary>dst = src != 0 ? dst % src : dst; signed when the offset is 1.</summary>
    Modulo = 0x90,

    /// <summary>dst ^= src.</summary>
    Xor = 0xa0,

    /// <summary>dst = src, sign-extended from 8, 16 or 32 bits when the offset says so.</summary>
    Move = 0xb0,

    /// <summary>dst &gt;&gt;= src with the sign from the left, masked to the width.</summary>
    ShiftRightSigned = 0xc0,

    /// <summary>Byte swap of the low 16, 32 or 64 bits (the immediate): to little or big endian, or always.</summary>
    ByteSwap = 0xd0,
}
