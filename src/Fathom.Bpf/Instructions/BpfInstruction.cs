using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Fathom.Bpf.Instructions;

/// <summary>One slot of 8 bytes: opcode (8 bits), destination and source register (4 each), offset (16), immediate (32).</summary>
/// <remarks>Any 8 bytes are a slot; whether they mean something is for <see cref="InstructionRules"/>. Source: RFC 9669, section 3.</remarks>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = SizeBytes)]
public readonly record struct BpfInstruction
{
    /// <summary>Bytes of a slot. A 64-bit immediate load takes two slots.</summary>
    public const int SizeBytes = 8;

    /// <summary>The frame pointer's number; it is also the highest.</summary>
    public const int FramePointer = 10;

    private readonly byte _registers;

    /// <summary>Puts a slot together.</summary>
    /// <param name="opcode">Class, operation and mode.</param>
    /// <param name="destination">0 to 15; above 10 is no register.</param>
    /// <param name="source">0 to 15; a register or a kind, as the opcode says.</param>
    /// <param name="offset">Bytes of an access, slots of a jump, or a variant of the operation.</param>
    /// <param name="immediate">Sign-extended where 64 bits are wanted.</param>
    public BpfInstruction(byte opcode, int destination, int source, short offset, int immediate)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)destination, 15u, nameof(destination));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)source, 15u, nameof(source));
        Opcode = opcode;
        _registers = (byte)(destination | (source << 4));
        Offset = offset;
        Immediate = immediate;
    }

    /// <summary>Class, operation and mode.</summary>
    public byte Opcode { get; }

    /// <summary>Destination register, 0 to 15.</summary>
    public int Destination => _registers & 0x0f;

    /// <summary>Source register or kind, 0 to 15.</summary>
    public int Source => _registers >> 4;

    /// <summary>Bytes of an access, slots of a jump, or a variant of the operation.</summary>
    public short Offset { get; }

    /// <summary>The 32-bit immediate.</summary>
    public int Immediate { get; }

    /// <summary>The low three bits of the opcode.</summary>
    public InstructionClass Class => (InstructionClass)(Opcode & 0x07);

    /// <summary>Whether the opcode is 32- or 64-bit arithmetic.</summary>
    public bool IsAlu => Class is InstructionClass.Alu32 or InstructionClass.Alu64;

    /// <summary>Whether the opcode is a jump, a call or exit.</summary>
    public bool IsJumpClass => Class is InstructionClass.Jump32 or InstructionClass.Jump64;

    /// <summary>Of an arithmetic or jump opcode: the second operand is the source register, not the immediate.</summary>
    public bool UsesSourceRegister => (Opcode & 0x08) != 0;

    /// <summary>The operation of an arithmetic opcode.</summary>
    public AluOperation AluOperation => (AluOperation)(Opcode & 0xf0);

    /// <summary>The operation of a jump opcode.</summary>
    public JumpOperation JumpOperation => (JumpOperation)(Opcode & 0xf0);

    /// <summary>The mode of a load or store.</summary>
    public AccessMode Mode => (AccessMode)(Opcode & 0xe0);

    /// <summary>The size field of a load or store.</summary>
    public AccessSize Size => (AccessSize)(Opcode & 0x18);

    /// <summary>Bytes that a load or store moves.</summary>
    public int AccessBytes => Size switch
    {
        AccessSize.Byte => 1,
        AccessSize.Half => 2,
        AccessSize.Word => 4,
        _ => 8,
    };

    /// <summary>First slot of a 64-bit immediate load; the next slot holds the high half.</summary>
    public bool IsWideImmediate => Opcode == Opcodes.LoadWideImmediate;

    /// <summary>An unconditional or conditional jump (not a call, not exit).</summary>
    public bool IsJump => IsJumpClass && JumpOperation is not (JumpOperation.Call or JumpOperation.Exit);

    /// <summary>A jump that is always taken.</summary>
    public bool IsUnconditionalJump => Opcode is Opcodes.Jump or Opcodes.JumpLong;

    /// <summary>A call of a subprogram.</summary>
    public bool IsLocalCall => Opcode == Opcodes.Call && Source == (int)CallKind.Local;

    /// <summary>The return instruction.</summary>
    public bool IsExit => Opcode == Opcodes.Exit;

    /// <summary>Slots from the next slot to a jump's target: the offset, or the immediate of a long jump.</summary>
    public int JumpDistance => Opcode == Opcodes.JumpLong ? Immediate : Offset;

    /// <summary>Reads a slot.</summary>
    /// <param name="bytes">At least 8 bytes, little endian.</param>
    public static BpfInstruction Read(ReadOnlySpan<byte> bytes) => new(
        bytes[0], bytes[1] & 0x0f, bytes[1] >> 4, BinaryPrimitives.ReadInt16LittleEndian(bytes[2..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]));

    /// <summary>Writes the slot.</summary>
    /// <param name="bytes">At least 8 bytes, little endian.</param>
    public void Write(Span<byte> bytes)
    {
        bytes[7] = 0;
        bytes[0] = Opcode;
        bytes[1] = _registers;
        BinaryPrimitives.WriteInt16LittleEndian(bytes[2..], Offset);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], Immediate);
    }

    /// <summary>The five fields.</summary>
    public override string ToString() => $"opcode 0x{Opcode:x2}, dst {Destination}, src {Source}, offset {Offset}, immediate {Immediate}";
}
