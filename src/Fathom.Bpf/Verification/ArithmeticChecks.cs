using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Verification;

/// <summary>Arithmetic, moves and byte swaps.</summary>
internal sealed class ArithmeticChecks(Inspection inspection)
{
    public bool Check(BpfInstruction instruction)
    {
        var operation = instruction.AluOperation;
        if (operation == AluOperation.Move)
            return CheckMove(instruction);
        if (!inspection.Read(instruction.Destination))
            return false;
        return operation switch
        {
            AluOperation.ByteSwap => CheckSwap(instruction),
            AluOperation.Negate => CheckNegate(instruction),
            _ => CheckBinary(instruction),
        };
    }

    private bool CheckMove(BpfInstruction instruction)
    {
        var wide = instruction.Class == InstructionClass.Alu64;
        if (!instruction.UsesSourceRegister)
        {
            inspection.Write(instruction.Destination, RegisterState.OfConstant(wide ? (ulong)(long)instruction.Immediate : (uint)instruction.Immediate));
            return true;
        }
        if (!inspection.Read(instruction.Source))
            return false;
        ref var source = ref inspection.Register(instruction.Source);
        if (source.IsPointer)
        {
            if (wide && instruction.Offset == 0)
            {
                inspection.Write(instruction.Destination, source);
                return true;
            }
            return LeakedAsNumber(instruction, $"R{instruction.Source} partial copy of pointer");
        }
        var value = source;
        if (wide && instruction.Offset == 0)
        {
            LinkForCopy(ref source);
            inspection.Write(instruction.Destination, source);
            return true;
        }
        // A narrowed copy stays linked when narrowing changed nothing.
        var keeps = instruction.Offset == 0
            ? value.Range.Wide.UMax <= uint.MaxValue
            : wide && value.Range.Wide.SMin >= -(1L << (instruction.Offset - 1)) && value.Range.Wide.SMax < 1L << (instruction.Offset - 1);
        if (keeps)
        {
            LinkForCopy(ref source);
            value = source;
        }
        else
        {
            value.Link = 0;
            if (instruction.Offset != 0)
                value.Range.SignExtend(instruction.Offset / 8);
            if (!wide)
                value.Range.ZeroExtend32();
        }
        inspection.Write(instruction.Destination, value);
        return true;
    }

    private void LinkForCopy(ref RegisterState source)
    {
        if (source.Link == 0 && !source.Range.IsConstant)
        {
            source.Link = inspection.NewLink();
            source.LinkDelta = 0;
        }
    }

    private bool CheckSwap(BpfInstruction instruction)
    {
        ref var value = ref inspection.Register(instruction.Destination);
        if (value.IsPointer)
            return LeakedAsNumber(instruction, $"R{instruction.Destination} pointer arithmetic prohibited: byte swap");
        var keepsOrder = instruction.Class == InstructionClass.Alu32 && !instruction.UsesSourceRegister;
        inspection.Write(instruction.Destination, RegisterState.OfScalar(ScalarArithmetic.SwapBytes(value.Range, instruction.Immediate, keepsOrder), value.Origins));
        return true;
    }

    private bool CheckNegate(BpfInstruction instruction)
    {
        ref var value = ref inspection.Register(instruction.Destination);
        if (value.IsPointer)
            return LeakedAsNumber(instruction, $"R{instruction.Destination} pointer arithmetic prohibited: negation");
        var range = ScalarArithmetic.Apply(AluOperation.Subtract, instruction.Class == InstructionClass.Alu64, false, ScalarRange.Constant(0), value.Range);
        inspection.Write(instruction.Destination, RegisterState.OfScalar(range, value.Origins));
        return true;
    }

    private bool CheckBinary(BpfInstruction instruction)
    {
        var operation = instruction.AluOperation;
        var wide = instruction.Class == InstructionClass.Alu64;
        if (!instruction.UsesSourceRegister && !CheckImmediate(instruction, wide))
            return false;
        if (instruction.UsesSourceRegister && !inspection.Read(instruction.Source))
            return false;
        var right = instruction.UsesSourceRegister ? inspection.Register(instruction.Source) : RegisterState.OfConstant((ulong)(long)instruction.Immediate);
        var left = inspection.Register(instruction.Destination);
        if (left.IsPointer || right.IsPointer)
            return CheckPointer(instruction, wide, left, right);
        if (instruction.UsesSourceRegister && instruction.Source == instruction.Destination && operation is AluOperation.Subtract or AluOperation.Xor)
        {
            inspection.Write(instruction.Destination, RegisterState.OfConstant(0));
            return true;
        }
        var signed = instruction.Offset == 1;
        var result = RegisterState.OfScalar(ScalarArithmetic.Apply(operation, wide, signed, left.Range, right.Range), OriginSet.Union(left.Origins, right.Origins));
        if (wide && left.Link != 0 && right.Range.IsConstant && right.Origins is null && operation is AluOperation.Add or AluOperation.Subtract)
        {
            result.Link = result.Range.IsConstant ? 0 : left.Link;
            var step = (long)right.Range.Value;
            result.LinkDelta = unchecked(left.LinkDelta + (operation == AluOperation.Add ? step : -step));
        }
        inspection.Write(instruction.Destination, result);
        return true;
    }

    private bool CheckImmediate(BpfInstruction instruction, bool wide)
    {
        var isShift = instruction.AluOperation is AluOperation.ShiftLeft or AluOperation.ShiftRight or AluOperation.ShiftRightSigned;
        if (isShift && (uint)instruction.Immediate >= (wide ? 64u : 32u))
            return inspection.Refuse(RejectionReason.InvalidOperation, $"invalid shift {instruction.Immediate}");
        if (instruction.AluOperation is AluOperation.Divide or AluOperation.Modulo && instruction.Immediate == 0)
            return inspection.Refuse(RejectionReason.InvalidOperation, "div by zero");
        return true;
    }

    private bool CheckPointer(BpfInstruction instruction, bool wide, in RegisterState left, in RegisterState right)
    {
        var operation = instruction.AluOperation;
        var destination = instruction.Destination;
        if (!wide)
            return LeakedAsNumber(instruction, $"R{destination} 32-bit pointer arithmetic prohibited");
        if (left.IsPointer && right.IsPointer)
        {
            var isDistance = operation == AluOperation.Subtract && IsPacketPart(left) && IsPacketPart(right);
            if (!isDistance)
                return LeakedAsNumber(instruction, $"R{destination} pointer {Symbol(operation)} pointer prohibited");
            inspection.Write(destination, RegisterState.UnknownScalar);
            return true;
        }
        if (operation is not (AluOperation.Add or AluOperation.Subtract))
            return LeakedAsNumber(instruction, $"R{destination} operator {Symbol(operation)} on pointer prohibited");
        if (right.IsPointer && operation == AluOperation.Subtract)
            return LeakedAsNumber(instruction, $"R{destination} tried to subtract pointer from scalar");
        var pointer = left.IsPointer ? left : right;
        var scalar = left.IsPointer ? right : left;
        inspection.State.MarkPrecise(scalar.Origins);
        if (!MovePointer(ref pointer, operation, scalar.Range, destination))
            return false;
        inspection.Write(destination, pointer);
        return true;
    }

    private bool MovePointer(ref RegisterState pointer, AluOperation operation, in ScalarRange by, int register)
    {
        if (pointer.MayBeNull)
            return Refuse($"R{register} pointer arithmetic on {pointer.KindName} prohibited, null-check it first");
        if (pointer.Kind is ValueKind.Map or ValueKind.PacketEnd)
            return Refuse($"R{register} pointer arithmetic on {pointer.KindName} prohibited");
        if (pointer.Kind == ValueKind.Stack && operation == AluOperation.Subtract)
            return Refuse($"R{register} subtraction from stack pointer prohibited");
        if (!IsSane(by, pointer, register))
            return false;
        if (by.IsConstant)
        {
            // Both are below 2^29 in size: no overflow.
            var step = (int)(long)by.Value;
            pointer.Offset += operation == AluOperation.Add ? step : -step;
            if (Math.Abs(pointer.Offset) >= Inspection.OffsetMax)
                return Refuse($"R{register} {pointer.KindName} pointer offset {pointer.Offset} is not allowed");
            return true;
        }
        pointer.Range = ScalarArithmetic.Apply(operation, wide: true, signed: false, pointer.Range, by);
        if (pointer.IsPacketPointer)
        {
            pointer.Link = inspection.NewLink();
            pointer.ExtentBytes = 0;
        }
        return IsSane(pointer.Range, pointer, register);
    }

    private bool IsSane(in ScalarRange range, in RegisterState pointer, int register)
    {
        var low = range.Wide.SMin;
        if (range.IsConstant && (low >= Inspection.OffsetMax || low <= -Inspection.OffsetMax))
            return Refuse($"R{register} math between {pointer.KindName} pointer and {low} is not allowed");
        if (low == long.MinValue)
            return Refuse($"R{register} math between {pointer.KindName} pointer and register with unbounded min value is not allowed");
        if (low >= Inspection.OffsetMax || low <= -Inspection.OffsetMax)
            return Refuse($"R{register} value {low} makes {pointer.KindName} pointer be out of bounds");
        return true;
    }

    private bool Refuse(string message) => inspection.Refuse(RejectionReason.InvalidPointerArithmetic, message);

    private bool LeakedAsNumber(BpfInstruction instruction, string message)
    {
        if (!inspection.Limits.AllowsPointerLeaks)
            return inspection.Refuse(RejectionReason.PointerLeak, message);
        inspection.Write(instruction.Destination, RegisterState.UnknownScalar);
        return true;
    }

    private static bool IsPacketPart(in RegisterState value) => value.IsPacketPointer || value.Kind == ValueKind.PacketEnd;

    private static string Symbol(AluOperation operation) => operation switch
    {
        AluOperation.Add => "+=",
        AluOperation.Subtract => "-=",
        AluOperation.Multiply => "*=",
        AluOperation.Divide => "/=",
        AluOperation.Or => "|=",
        AluOperation.And => "&=",
        AluOperation.ShiftLeft => "<<=",
        AluOperation.ShiftRight => ">>=",
        AluOperation.Modulo => "%=",
        AluOperation.Xor => "^=",
        _ => "s>>=",
    };
}
