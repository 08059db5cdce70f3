namespace Fathom.Bpf.Instructions;

/// <summary>The high four bits of a jump opcode.</summary>
/// <remarks>Source: RFC 9669, section 4.3. In class Jump32, <see cref="Always"/> takes its distance from the immediate.</remarks>
public enum JumpOperation : byte
{
    /// <summary>Unconditional.</summary>
    Always = 0x00,

    /// <summary>dst == src.</summary>
    Equal = 0x10,

    /// <summary>dst &gt; src, unsigned.</summary>
    Greater = 0x20,

    /// <summary>dst &gt;= src, unsigned.</summary>
    GreaterOrEqual = 0x30,

    /// <summary>(dst &amp; src) != 0.</summary>
    AnySet = 0x40,

    /// <summary>dst != src.</summary>
    NotEqual = 0x50,

    /// <summary>dst &gt; src, signed.</summary>
    GreaterSigned = 0x60,

    /// <summary>dst &gt;= src, signed.</summary>
    GreaterOrEqualSigned = 0x70,

    /// <summary>A call: <see cref="CallKind"/> in the source register's field.</summary>
    Call = 0x80,

    /// <summary>Return; R0 is the result.</summary>
    Exit = 0x90,

    /// <summary>dst &lt; src, unsigned.</summary>
    Less = 0xa0,

    /// <summary>dst &lt;= src, unsigned.</summary>
    LessOrEqual = 0xb0,

    /// <summary>dst &lt; src, signed.</summary>
    LessSigned = 0xc0,

    /// <summary>dst &lt;= src, signed.</summary>
    LessOrEqualSigned = 0xd0,
}
