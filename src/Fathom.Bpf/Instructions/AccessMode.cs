namespace Fathom.Bpf.Instructions;

/// <summary>The high three bits of a load or store opcode.</summary>
/// <remarks>Source: RFC 9669, section 5. The packet modes (0x20, 0x40) are historical and no instruction of this library.</remarks>
public enum AccessMode : byte
{
    /// <summary>64-bit immediate in two slots.</summary>
    Immediate = 0x00,

    /// <summary>Plain access; loads zero-extend.</summary>
    Memory = 0x60,

    /// <summary>Load that sign-extends to 64 bits.</summary>
    MemorySigned = 0x80,

    /// <summary>Atomic operation; which one stands in the immediate.</summary>
    Atomic = 0xc0,
}
