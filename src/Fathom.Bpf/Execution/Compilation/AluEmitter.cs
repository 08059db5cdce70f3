using System.Buffers.Binary;
using System.Reflection;
using System.Reflection.Emit;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Execution.Compilation;

/// <summary>Emits arithmetic; must compute what <see cref="Arithmetic"/> computes.</summary>
internal static class AluEmitter
{
    private static readonly MethodInfo DivideSigned64 = RunMembers.Method(typeof(Arithmetic), nameof(Arithmetic.DivideSigned64));
    private static readonly MethodInfo DivideSigned32 = RunMembers.Method(typeof(Arithmetic), nameof(Arithmetic.DivideSigned32));
    private static readonly MethodInfo ModuloSigned64 = RunMembers.Method(typeof(Arithmetic), nameof(Arithmetic.ModuloSigned64));
    private static readonly MethodInfo ModuloSigned32 = RunMembers.Method(typeof(Arithmetic), nameof(Arithmetic.ModuloSigned32));

    public static void Emit(MethodBody body, BpfInstruction instruction)
    {
        var wide = instruction.Class == InstructionClass.Alu64;
        switch (instruction.AluOperation)
        {
            case AluOperation.ByteSwap:
                EmitSwap(body, instruction);
                return;
            case AluOperation.Move:
                EmitMove(body, instruction, wide);
                return;
            case AluOperation.Divide or AluOperation.Modulo:
                EmitDivision(body, instruction, wide);
                return;
        }
        LoadDestination(body, instruction, wide);
        switch (instruction.AluOperation)
        {
            case AluOperation.Negate:
                body.Il.Emit(OpCodes.Neg);
                break;
            case AluOperation.ShiftLeft or AluOperation.ShiftRight or AluOperation.ShiftRightSigned:
                LoadDistance(body, instruction, wide);
                body.Il.Emit(Shift(instruction.AluOperation));
                break;
            default:
                body.LoadOperand(instruction, wide);
                body.Il.Emit(Plain(instruction.AluOperation));
                break;
        }
        Store(body, instruction, wide);
    }

    private static void EmitMove(MethodBody body, BpfInstruction instruction, bool wide)
    {
        body.LoadOperand(instruction, wide);
        switch (instruction.Offset)
        {
            case 8:
                body.Il.Emit(OpCodes.Conv_I1);
                break;
            case 16:
                body.Il.Emit(OpCodes.Conv_I2);
                break;
            case 32:
                body.Il.Emit(OpCodes.Conv_I4);
                break;
        }
        if (wide && instruction.Offset != 0)
            body.Il.Emit(OpCodes.Conv_I8);
        Store(body, instruction, wide);
    }

    private static void EmitDivision(MethodBody body, BpfInstruction instruction, bool wide)
    {
        var isDivide = instruction.AluOperation == AluOperation.Divide;
        // A divisor of 32 bits gets a local of that width. Without one .NET's compiler reads the low half of the register's local where
        // it is, and when the division needs that machine register it moves the local elsewhere by its low half alone.
        var divisor = body.Divisor(wide);
        body.LoadOperand(instruction, wide);
        body.Il.Emit(OpCodes.Stloc, divisor);
        if (instruction.Offset == 1)
        {
            LoadDestination(body, instruction, wide);
            body.Il.Emit(OpCodes.Ldloc, divisor);
            var method = (isDivide, wide) switch
            {
                (true, true) => DivideSigned64,
                (true, false) => DivideSigned32,
                (false, true) => ModuloSigned64,
                _ => ModuloSigned32,
            };
            body.Il.Emit(OpCodes.Call, method);
            Store(body, instruction, wide);
            return;
        }
        var byZero = body.Il.DefineLabel();
        var end = body.Il.DefineLabel();
        body.Il.Emit(OpCodes.Ldloc, divisor);
        body.Il.Emit(OpCodes.Brfalse, byZero);
        LoadDestination(body, instruction, wide);
        body.Il.Emit(OpCodes.Ldloc, divisor);
        body.Il.Emit(isDivide ? OpCodes.Div_Un : OpCodes.Rem_Un);
        Store(body, instruction, wide);
        body.Il.Emit(OpCodes.Br, end);
        body.Il.MarkLabel(byZero);
        if (isDivide)
            body.LoadConstant(0);
        else
            LoadDestination(body, instruction, wide);
        Store(body, instruction, wide || isDivide);
        body.Il.MarkLabel(end);
    }

    private static void EmitSwap(MethodBody body, BpfInstruction instruction)
    {
        var type = instruction.Immediate switch
        {
            16 => typeof(ushort),
            32 => typeof(uint),
            _ => typeof(ulong),
        };
        body.LoadRegister(instruction.Destination);
        if (type != typeof(ulong))
            body.Il.Emit(type == typeof(ushort) ? OpCodes.Conv_U2 : OpCodes.Conv_U4);
        if (instruction.Class == InstructionClass.Alu64 || instruction.UsesSourceRegister)
            body.Il.Emit(OpCodes.Call, typeof(BinaryPrimitives).GetMethod(nameof(BinaryPrimitives.ReverseEndianness), [type])!);
        body.Il.Emit(OpCodes.Conv_U8);
        body.StoreRegister(instruction.Destination);
    }

    private static void LoadDistance(MethodBody body, BpfInstruction instruction, bool wide)
    {
        var mask = wide ? 63 : 31;
        if (!instruction.UsesSourceRegister)
        {
            body.Il.Emit(OpCodes.Ldc_I4, instruction.Immediate & mask);
            return;
        }
        body.LoadRegister32(instruction.Source);
        body.Il.Emit(OpCodes.Ldc_I4, mask);
        body.Il.Emit(OpCodes.And);
    }

    private static void LoadDestination(MethodBody body, BpfInstruction instruction, bool wide)
    {
        if (wide)
            body.LoadRegister(instruction.Destination);
        else
            body.LoadRegister32(instruction.Destination);
    }

    private static void Store(MethodBody body, BpfInstruction instruction, bool wide)
    {
        if (wide)
            body.StoreRegister(instruction.Destination);
        else
            body.StoreRegister32(instruction.Destination);
    }

    private static OpCode Plain(AluOperation operation) => operation switch
    {
        AluOperation.Add => OpCodes.Add,
        AluOperation.Subtract => OpCodes.Sub,
        AluOperation.Multiply => OpCodes.Mul,
        AluOperation.Or => OpCodes.Or,
        AluOperation.And => OpCodes.And,
        _ => OpCodes.Xor,
    };

    private static OpCode Shift(AluOperation operation) => operation switch
    {
        AluOperation.ShiftLeft => OpCodes.Shl,
        AluOperation.ShiftRight => OpCodes.Shr_Un,
        _ => OpCodes.Shr,
    };
}
