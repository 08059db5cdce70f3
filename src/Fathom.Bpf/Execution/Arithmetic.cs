using System.Buffers.Binary;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Execution;

/// <summary>What arithmetic and comparisons compute: the one place that the interpreter takes them from.</summary>
/// <remarks>Source: RFC 9669, sections 4.1 to 4.3. Division by zero gives 0, modulo by zero the dividend, shifts mask their distance.</remarks>
public static class Arithmetic
{
    /// <summary>The new value of the destination register.</summary>
    /// <param name="instruction">Of class Alu32 or Alu64, well-formed.</param>
    /// <param name="destination">The destination register's value.</param>
    /// <param name="source">The source register's value, or the immediate sign-extended to 64 bits.</param>
    public static ulong Compute(BpfInstruction instruction, ulong destination, ulong source)
    {
        if (instruction.AluOperation == AluOperation.ByteSwap)
            return Swap(instruction, destination);
        return instruction.Class == InstructionClass.Alu64
            ? Compute64(instruction.AluOperation, instruction.Offset, destination, source)
            : Compute32(instruction.AluOperation, instruction.Offset, (uint)destination, (uint)source);
    }

    /// <summary>Whether a conditional jump is taken.</summary>
    /// <param name="instruction">A conditional jump of either class.</param>
    /// <param name="destination">The destination register's value.</param>
    /// <param name="source">The source register's value, or the immediate sign-extended to 64 bits.</param>
    public static bool Holds(BpfInstruction instruction, ulong destination, ulong source)
    {
        // Sign-extending both operands keeps their order in 32-bit comparisons, signed and unsigned alike.
        if (instruction.Class == InstructionClass.Jump32)
            (destination, source) = ((ulong)(int)destination, (ulong)(int)source);
        return instruction.JumpOperation switch
        {
            JumpOperation.Equal => destination == source,
            JumpOperation.NotEqual => destination != source,
            JumpOperation.Greater => destination > source,
            JumpOperation.GreaterOrEqual => destination >= source,
            JumpOperation.Less => destination < source,
            JumpOperation.LessOrEqual => destination <= source,
            JumpOperation.AnySet => (destination & source) != 0,
            JumpOperation.GreaterSigned => (long)destination > (long)source,
            JumpOperation.GreaterOrEqualSigned => (long)destination >= (long)source,
            JumpOperation.LessSigned => (long)destination < (long)source,
            JumpOperation.LessOrEqualSigned => (long)destination <= (long)source,
            _ => true,
        };
    }

    /// <summary>Signed division that is defined everywhere: x / 0 = 0, least / -1 = least.</summary>
    internal static ulong DivideSigned64(ulong x, ulong y) => y == 0 ? 0 : y == ulong.MaxValue ? 0 - x : (ulong)((long)x / (long)y);

    /// <summary>Remainder with the dividend's sign: x % 0 = x, x % -1 = 0.</summary>
    internal static ulong ModuloSigned64(ulong x, ulong y) => y == 0 ? x : y == ulong.MaxValue ? 0 : (ulong)((long)x % (long)y);

    /// <summary>As <see cref="DivideSigned64"/> in 32 bits.</summary>
    internal static uint DivideSigned32(uint x, uint y) => y == 0 ? 0 : y == uint.MaxValue ? 0 - x : (uint)((int)x / (int)y);

    /// <summary>As <see cref="ModuloSigned64"/> in 32 bits.</summary>
    internal static uint ModuloSigned32(uint x, uint y) => y == 0 ? x : y == uint.MaxValue ? 0 : (uint)((int)x % (int)y);

    private static ulong Compute64(AluOperation operation, short variant, ulong x, ulong y) => operation switch
    {
        AluOperation.Add => x + y,
        AluOperation.Subtract => x - y,
        AluOperation.Multiply => x * y,
        AluOperation.Divide => variant == 1 ? DivideSigned64(x, y) : y == 0 ? 0 : x / y,
        AluOperation.Modulo => variant == 1 ? ModuloSigned64(x, y) : y == 0 ? x : x % y,
        AluOperation.Or => x | y,
        AluOperation.And => x & y,
        AluOperation.Xor => x ^ y,
        AluOperation.ShiftLeft => x << (int)(y & 63),
        AluOperation.ShiftRight => x >> (int)(y & 63),
        AluOperation.ShiftRightSigned => (ulong)((long)x >> (int)(y & 63)),
        AluOperation.Negate => 0 - x,
        _ => variant switch
        {
            8 => (ulong)(sbyte)y,
            16 => (ulong)(short)y,
            32 => (ulong)(int)y,
            _ => y,
        },
    };

    private static uint Compute32(AluOperation operation, short variant, uint x, uint y) => operation switch
    {
        AluOperation.Add => x + y,
        AluOperation.Subtract => x - y,
        AluOperation.Multiply => x * y,
        AluOperation.Divide => variant == 1 ? DivideSigned32(x, y) : y == 0 ? 0 : x / y,
        AluOperation.Modulo => variant == 1 ? ModuloSigned32(x, y) : y == 0 ? x : x % y,
        AluOperation.Or => x | y,
        AluOperation.And => x & y,
        AluOperation.Xor => x ^ y,
        AluOperation.ShiftLeft => x << (int)(y & 31),
        AluOperation.ShiftRight => x >> (int)(y & 31),
        AluOperation.ShiftRightSigned => (uint)((int)x >> (int)(y & 31)),
        AluOperation.Negate => 0 - x,
        _ => variant switch
        {
            8 => (uint)(sbyte)y,
            16 => (uint)(short)y,
            _ => y,
        },
    };

    private static ulong Swap(BpfInstruction instruction, ulong value)
    {
        // The host is little endian (checked when an engine is made), so only "to big endian" and "always" turn bytes around.
        var swaps = instruction.Class == InstructionClass.Alu64 || instruction.UsesSourceRegister;
        return instruction.Immediate switch
        {
            16 => swaps ? BinaryPrimitives.ReverseEndianness((ushort)value) : (ushort)value,
            32 => swaps ? BinaryPrimitives.ReverseEndianness((uint)value) : (uint)value,
            _ => swaps ? BinaryPrimitives.ReverseEndianness(value) : value,
        };
    }
}
