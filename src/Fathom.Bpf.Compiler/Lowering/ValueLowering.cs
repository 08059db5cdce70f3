using Fathom.Bpf.Compiler.Layout;
using Fathom.Bpf.Compiler.Registers;
using Fathom.Bpf.Instructions;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Fathom.Bpf.Compiler.Lowering;

/// <summary>The evaluation stack, arithmetic, comparisons, conversions and memory.</summary>
internal sealed class ValueLowering(OperationList list)
{
    private readonly List<StackEntry> _stack = [];
    private readonly List<int> _carriers = [];

    public IReadOnlyList<StackEntry> Stack => _stack;

    public void Push(StackEntry entry) => _stack.Add(entry);

    public StackEntry Pop()
    {
        if (_stack.Count == 0)
            throw list.Error("the evaluation stack is empty: no valid IL");
        var entry = _stack[^1];
        _stack.RemoveAt(_stack.Count - 1);
        return entry;
    }

    /// <summary>The stack at a label: what jumps there left in carriers.</summary>
    public void Reset(IReadOnlyList<bool> widths)
    {
        _stack.Clear();
        for (var depth = 0; depth < widths.Count; depth++)
            Push(StackEntry.OfRegister(Carrier(depth), widths[depth]));
    }

    public void MoveToCarrier(int depth)
    {
        var entry = _stack[depth];
        var carrier = Carrier(depth);
        if (entry is { Kind: EntryKind.Register, Value: 0 } && entry.Register == carrier)
            return;
        KeepFrom(carrier, depth + 1);
        var value = Materialize(entry);
        list.Add(Move(carrier, value));
        _stack[depth] = StackEntry.OfRegister(carrier, entry.IsWide);
    }

    /// <summary>Sets a local or argument to the value on top of the stack.</summary>
    public void Assign(int register, bool isWide)
    {
        var value = Pop();
        KeepFrom(register, 0);
        if (value.Kind == EntryKind.Constant)
            list.Add(new Operation(OperationKind.Constant) { Target = register, WritesTarget = true, Value = value.Value });
        else
            list.Add(Move(register, Materialize(value)));
    }

    /// <returns>False when the instruction is none of a value's.</returns>
    public bool Lower(Instruction instruction)
    {
        switch (instruction.OpCode.Code)
        {
            case Code.Dup:
                var top = Pop();
                var shared = top.Kind == EntryKind.Comparison ? StackEntry.OfRegister(Materialize(top), false) : top;
                Push(shared);
                Push(shared);
                return true;
            case Code.Pop:
                Pop();
                return true;
            case Code.Ldnull:
                Push(StackEntry.OfConstant(0, isWide: true));
                return true;
            case Code.Ldc_I8:
                Push(StackEntry.OfConstant((long)instruction.Operand, isWide: true));
                return true;
            case Code.Ldc_I4:
                Push(StackEntry.OfConstant((int)instruction.Operand, isWide: false));
                return true;
            case Code.Ldc_I4_S:
                Push(StackEntry.OfConstant((sbyte)instruction.Operand, isWide: false));
                return true;
            case >= Code.Ldc_I4_M1 and <= Code.Ldc_I4_8:
                Push(StackEntry.OfConstant(instruction.OpCode.Code - Code.Ldc_I4_0, isWide: false));
                return true;
            case Code.Sizeof:
                Push(StackEntry.OfConstant(SizeOf((TypeReference)instruction.Operand), isWide: false));
                return true;
            case Code.Ceq:
                Push(LowerEquality());
                return true;
            case Code.Cgt:
                Push(Compare(JumpOperation.GreaterSigned));
                return true;
            case Code.Cgt_Un:
                Push(Compare(JumpOperation.Greater));
                return true;
            case Code.Clt:
                Push(Compare(JumpOperation.LessSigned));
                return true;
            case Code.Clt_Un:
                Push(Compare(JumpOperation.Less));
                return true;
        }
        return LowerArithmetic(instruction.OpCode.Code) || LowerConversion(instruction.OpCode.Code) || LowerMemory(instruction);
    }

    /// <summary>A register that holds the value.</summary>
    public int Materialize(StackEntry entry)
    {
        switch (entry.Kind)
        {
            case EntryKind.Constant:
                var constant = list.NewRegister();
                list.Add(new Operation(OperationKind.Constant) { Target = constant, WritesTarget = true, Value = entry.Value });
                return constant;
            case EntryKind.Comparison:
                return MaterializeComparison(entry);
        }
        if (entry.Register == Operation.Frame)
        {
            var address = list.NewRegister();
            list.Add(new Operation(OperationKind.FrameAddress) { Target = address, WritesTarget = true, Value = entry.Value });
            return address;
        }
        if (entry.Value == 0)
            return entry.Register;
        var sum = Copy(entry.Register);
        list.Add(Immediate(AluOperation.Add, sum, (int)entry.Value, entry.IsWide));
        return sum;
    }

    public Operand ToOperand(StackEntry entry) =>
        entry.Kind == EntryKind.Constant ? Operand.Constant(entry.Value) : Operand.Of(Materialize(entry));

    /// <summary>The low half of a value as a signed number of 64 bits.</summary>
    public int SignExtended(StackEntry entry)
    {
        var result = list.NewRegister();
        list.Add(new Operation(OperationKind.Alu)
        {
            Slot = Encode.AluRegister(AluOperation.Move, 0, 0, wide: true, offset: 32), Target = result, Source = Materialize(entry), WritesTarget = true,
        });
        return result;
    }

    /// <summary>Whether the value on top is not zero.</summary>
    public StackEntry Truth()
    {
        var entry = Pop();
        return entry.Kind == EntryKind.Comparison ? entry : StackEntry.OfComparison(JumpOperation.NotEqual, Materialize(entry), Operand.Constant(0), entry.IsWide);
    }

    public static StackEntry Negated(StackEntry comparison)
    {
        var opposite = comparison.Comparison switch
        {
            JumpOperation.Equal => JumpOperation.NotEqual,
            JumpOperation.NotEqual => JumpOperation.Equal,
            JumpOperation.Greater => JumpOperation.LessOrEqual,
            JumpOperation.LessOrEqual => JumpOperation.Greater,
            JumpOperation.Less => JumpOperation.GreaterOrEqual,
            JumpOperation.GreaterOrEqual => JumpOperation.Less,
            JumpOperation.GreaterSigned => JumpOperation.LessOrEqualSigned,
            JumpOperation.LessOrEqualSigned => JumpOperation.GreaterSigned,
            JumpOperation.LessSigned => JumpOperation.GreaterOrEqualSigned,
            _ => JumpOperation.LessSigned,
        };
        return comparison with { Comparison = opposite };
    }

    /// <summary>A comparison of the two values on top.</summary>
    public StackEntry Compare(JumpOperation comparison)
    {
        var (right, left) = (Pop(), Pop());
        var wide = left.IsWide || right.IsWide;
        var rightFits = right is { Kind: EntryKind.Constant, Value: >= int.MinValue and <= int.MaxValue };
        return StackEntry.OfComparison(comparison, Materialize(left), rightFits ? Operand.Constant(right.Value) : Operand.Of(Materialize(right)), wide);
    }

    public void Branch(StackEntry comparison, int label)
    {
        var right = comparison.Right;
        list.Add(new Operation(OperationKind.Branch)
        {
            Slot = right.IsConstant
                ? Encode.Compare(comparison.Comparison, 0, (int)right.Value, 0, comparison.ComparesWide)
                : Encode.CompareRegister(comparison.Comparison, 0, 0, 0, comparison.ComparesWide),
            Target = comparison.Register,
            ReadsTarget = true,
            Source = right.IsConstant ? Operation.None : right.Register,
            Label = label,
        });
    }

    /// <summary>Pushes a number from memory.</summary>
    public void LoadFrom(StackEntry address, MemoryType type)
    {
        var (register, offset) = Address(address);
        var result = list.NewRegister();
        list.Add(new Operation(OperationKind.Load)
        {
            Slot = Encode.Load(type.Size, 0, 0, offset, type.IsSigned), Target = result, Source = register, WritesTarget = true,
        });
        Push(StackEntry.OfRegister(result, type.IsWide));
    }

    public void StoreTo(StackEntry address, StackEntry value, MemoryType type)
    {
        var (register, offset) = Address(address);
        var isImmediate = value is { Kind: EntryKind.Constant, Value: >= int.MinValue and <= int.MaxValue };
        list.Add(new Operation(OperationKind.Store)
        {
            Slot = isImmediate ? Encode.StoreImmediate(type.Size, 0, offset, (int)value.Value) : Encode.Store(type.Size, 0, offset, 0),
            Target = register,
            ReadsTarget = true,
            Source = isImmediate ? Operation.None : Materialize(value),
        });
    }

    public void ClearFrame(int offset, int bytes)
    {
        for (var done = 0; done < bytes; done += 8)
            StoreTo(StackEntry.OfRegister(Operation.Frame, true, offset + done), StackEntry.OfConstant(0, true), new MemoryType(AccessSize.DoubleWord, false));
    }

    /// <summary>address + index * bytes, as a new address on the stack.</summary>
    public void PushElement(StackEntry address, StackEntry index, int bytes)
    {
        if (index.Kind == EntryKind.Constant)
        {
            Push(Offset(address, index.Value * bytes));
            return;
        }
        var scaled = index.IsWide ? Copy(Materialize(index)) : SignExtended(index);
        list.Add(Immediate(AluOperation.Multiply, scaled, bytes, wide: true));
        Push(StackEntry.OfRegister(Sum(Materialize(address with { Value = 0 }), scaled), true, address.Value));
    }

    /// <summary>The bytes of a value of 2, 4 or 8 bytes in the other order.</summary>
    public void SwapBytes(int bits)
    {
        var value = Copy(Materialize(Pop()));
        list.Add(new Operation(OperationKind.Alu) { Slot = Encode.ByteSwap(0, bits), Target = value, ReadsTarget = true, WritesTarget = true });
        Push(StackEntry.OfRegister(value, bits == 64));
    }

    public int SizeOf(TypeReference type) => TypeLayout.SizeOf(type) ?? throw list.Error($"type {type.Name} is not unmanaged");

    private StackEntry LowerEquality()
    {
        // "!(a < b)" is a comparison and an equality with zero.
        if (_stack is [.., { Kind: EntryKind.Comparison } comparison, { Kind: EntryKind.Constant, Value: 0 }])
        {
            Pop();
            Pop();
            return Negated(comparison);
        }
        return Compare(JumpOperation.Equal);
    }

    private bool LowerArithmetic(Code code)
    {
        (AluOperation Operation, short Variant)? known = code switch
        {
            Code.Add => (AluOperation.Add, 0),
            Code.Sub => (AluOperation.Subtract, 0),
            Code.Mul => (AluOperation.Multiply, 0),
            Code.Div => (AluOperation.Divide, 1),
            Code.Div_Un => (AluOperation.Divide, 0),
            Code.Rem => (AluOperation.Modulo, 1),
            Code.Rem_Un => (AluOperation.Modulo, 0),
            Code.And => (AluOperation.And, 0),
            Code.Or => (AluOperation.Or, 0),
            Code.Xor => (AluOperation.Xor, 0),
            Code.Shl => (AluOperation.ShiftLeft, 0),
            Code.Shr => (AluOperation.ShiftRightSigned, 0),
            Code.Shr_Un => (AluOperation.ShiftRight, 0),
            _ => null,
        };
        if (known is (var operation, var variant))
        {
            LowerBinary(operation, variant);
            return true;
        }
        if (code is not (Code.Neg or Code.Not))
            return false;
        var entry = Pop();
        var result = Copy(Materialize(entry));
        list.Add(code == Code.Not
            ? Immediate(AluOperation.Xor, result, -1, entry.IsWide)
            : new Operation(OperationKind.Alu) { Slot = Encode.Alu(AluOperation.Negate, 0, 0, entry.IsWide), Target = result, ReadsTarget = true, WritesTarget = true });
        Push(StackEntry.OfRegister(result, entry.IsWide));
        return true;
    }

    private void LowerBinary(AluOperation operation, short variant)
    {
        var (right, left) = (Pop(), Pop());
        var isShift = operation is AluOperation.ShiftLeft or AluOperation.ShiftRight or AluOperation.ShiftRightSigned;
        var wide = left.IsWide || (right.IsWide && !isShift);
        if (left.Kind == EntryKind.Constant && operation is AluOperation.Add or AluOperation.Multiply && right.Kind != EntryKind.Constant)
            (left, right) = (right, left);
        if (left.Kind == EntryKind.Constant && right.Kind == EntryKind.Constant)
        {
            Push(StackEntry.OfConstant(Fold(operation, variant, left.Value, right.Value, wide), wide));
            return;
        }
        if (wide && right.Kind == EntryKind.Constant && operation is AluOperation.Add or AluOperation.Subtract && left.Kind == EntryKind.Register)
        {
            Push(Offset(left, operation == AluOperation.Add ? right.Value : -right.Value));
            return;
        }
        var result = wide && !left.IsWide ? SignExtended(left) : Copy(Materialize(left));
        if (right is { Kind: EntryKind.Constant, Value: >= int.MinValue and <= int.MaxValue })
            list.Add(Immediate(operation, result, (int)right.Value, wide, variant));
        else
            list.Add(new Operation(OperationKind.Alu)
            {
                Slot = Encode.AluRegister(operation, 0, 0, wide, variant), Target = result, ReadsTarget = true, WritesTarget = true,
                Source = wide && !right.IsWide && !isShift ? SignExtended(right) : Materialize(right),
            });
        Push(StackEntry.OfRegister(result, wide));
    }

    private bool LowerConversion(Code code)
    {
        switch (code)
        {
            case Code.Conv_I8 or Code.Conv_I:
                Widen(isSigned: true);
                return true;
            case Code.Conv_U8 or Code.Conv_U:
                Widen(isSigned: false);
                return true;
            case Code.Conv_I4 or Code.Conv_U4:
                var entry = Pop();
                Push(entry.Kind == EntryKind.Constant ? StackEntry.OfConstant((int)entry.Value, false) : StackEntry.OfRegister(Materialize(entry), false));
                return true;
            case Code.Conv_U1 or Code.Conv_U2:
                var mask = code == Code.Conv_U1 ? 0xff : 0xffff;
                Push(StackEntry.OfConstant(mask, false));
                LowerBinary(AluOperation.And, 0);
                _stack[^1] = _stack[^1] with { IsWide = false };
                return true;
            case Code.Conv_I1 or Code.Conv_I2:
                var source = Materialize(Pop());
                var result = list.NewRegister();
                list.Add(new Operation(OperationKind.Alu)
                {
                    Slot = Encode.AluRegister(AluOperation.Move, 0, 0, wide: false, offset: (short)(code == Code.Conv_I1 ? 8 : 16)), Target = result, Source = source, WritesTarget = true,
                });
                Push(StackEntry.OfRegister(result, false));
                return true;
            default:
                return false;
        }
    }

    private void Widen(bool isSigned)
    {
        var entry = Pop();
        if (entry.IsWide)
        {
            Push(entry);
            return;
        }
        if (entry.Kind == EntryKind.Constant)
        {
            Push(StackEntry.OfConstant(isSigned ? (int)entry.Value : (uint)entry.Value, true));
            return;
        }
        if (isSigned)
        {
            Push(StackEntry.OfRegister(SignExtended(entry), true));
            return;
        }
        var result = list.NewRegister();
        list.Add(new Operation(OperationKind.Alu) { Slot = Encode.AluRegister(AluOperation.Move, 0, 0, wide: false), Target = result, Source = Materialize(entry), WritesTarget = true });
        Push(StackEntry.OfRegister(result, true));
    }

    private bool LowerMemory(Instruction instruction)
    {
        var type = Indirect(instruction);
        switch (instruction.OpCode.Code)
        {
            case >= Code.Ldind_I1 and <= Code.Ldind_I or Code.Ldobj when type is not null:
                LoadFrom(Pop(), type.Value);
                return true;
            case >= Code.Stind_I1 and <= Code.Stind_I8 or Code.Stind_I or Code.Stobj when type is not null:
                var value = Pop();
                StoreTo(Pop(), value, type.Value);
                return true;
            case Code.Ldflda:
                Push(Offset(Pop(), FieldOffset(instruction)));
                return true;
            case Code.Ldfld when type is not null:
                LoadFrom(Offset(Pop(), FieldOffset(instruction)), type.Value);
                return true;
            case Code.Stfld when type is not null:
                var field = Pop();
                StoreTo(Offset(Pop(), FieldOffset(instruction)), field, type.Value);
                return true;
            case Code.Initobj:
                Clear(Pop(), SizeOf((TypeReference)instruction.Operand));
                return true;
            default:
                return false;
        }
    }

    private static MemoryType? Indirect(Instruction instruction) => instruction.OpCode.Code switch
    {
        Code.Ldind_I1 => new(AccessSize.Byte, true),
        Code.Ldind_U1 or Code.Stind_I1 => new(AccessSize.Byte, false),
        Code.Ldind_I2 => new(AccessSize.Half, true),
        Code.Ldind_U2 or Code.Stind_I2 => new(AccessSize.Half, false),
        Code.Ldind_I4 or Code.Ldind_U4 or Code.Stind_I4 => new(AccessSize.Word, false),
        Code.Ldind_I8 or Code.Ldind_I or Code.Stind_I8 or Code.Stind_I => new(AccessSize.DoubleWord, false),
        Code.Ldobj or Code.Stobj => MemoryType.Of((TypeReference)instruction.Operand),
        Code.Ldfld or Code.Stfld => MemoryType.Of(((FieldReference)instruction.Operand).FieldType),
        _ => null,
    };

    private int FieldOffset(Instruction instruction)
    {
        var field = ((FieldReference)instruction.Operand).Resolve();
        return (field is null ? null : TypeLayout.OffsetOf(field)) ?? throw list.Error($"field {((FieldReference)instruction.Operand).Name} has no fixed place: its type is not unmanaged");
    }

    private void Clear(StackEntry address, int bytes)
    {
        for (var done = 0; done < bytes;)
        {
            var size = (bytes - done) switch { >= 8 => AccessSize.DoubleWord, >= 4 => AccessSize.Word, >= 2 => AccessSize.Half, _ => AccessSize.Byte };
            StoreTo(Offset(address, done), StackEntry.OfConstant(0, true), new MemoryType(size, false));
            done += Encode.Load(size, 0, 0, 0).AccessBytes;
        }
    }

    private StackEntry Offset(StackEntry address, long bytes)
    {
        var isNear = address.Kind == EntryKind.Register && address.Value + bytes is >= int.MinValue and <= int.MaxValue;
        if (isNear)
            return address with { Value = address.Value + bytes };
        var sum = Sum(Materialize(address), Materialize(StackEntry.OfConstant(bytes, true)));
        return StackEntry.OfRegister(sum, true);
    }

    private (int Register, short Offset) Address(StackEntry address)
    {
        if (address is { Kind: EntryKind.Register, Value: >= short.MinValue and <= short.MaxValue })
            return (address.Register, (short)address.Value);
        return (Materialize(address), 0);
    }

    private int MaterializeComparison(StackEntry comparison)
    {
        var result = list.NewRegister();
        var end = list.NewLabel();
        list.Add(new Operation(OperationKind.Constant) { Target = result, WritesTarget = true, Value = 1 });
        Branch(comparison, end);
        list.Add(new Operation(OperationKind.Constant) { Target = result, WritesTarget = true, Value = 0 });
        list.Add(new Operation(OperationKind.Label) { Label = end });
        return result;
    }

    private static long Fold(AluOperation operation, short variant, long left, long right, bool wide)
    {
        var slot = Encode.AluRegister(operation, 0, 0, wide, variant);
        var value = (long)Execution.Arithmetic.Compute(slot, (ulong)left, (ulong)right);
        return wide ? value : (int)value;
    }

    /// <summary>Values on the stack that a new value in the register would change get registers of their own.</summary>
    private void KeepFrom(int register, int depth)
    {
        for (var i = depth; i < _stack.Count; i++)
            if (_stack[i].DependsOn(register))
                _stack[i] = StackEntry.OfRegister(Copy(Materialize(_stack[i])), _stack[i].IsWide);
    }

    private int Carrier(int depth)
    {
        while (_carriers.Count <= depth)
            _carriers.Add(list.NewRegister());
        return _carriers[depth];
    }

    private int Copy(int register)
    {
        var copy = list.NewRegister();
        list.Add(Move(copy, register));
        return copy;
    }

    private int Sum(int left, int right)
    {
        var sum = Copy(left);
        list.Add(new Operation(OperationKind.Alu) { Slot = Encode.AluRegister(AluOperation.Add, 0, 0), Target = sum, Source = right, ReadsTarget = true, WritesTarget = true });
        return sum;
    }

    private static Operation Move(int target, int source) =>
        new(OperationKind.Alu) { Slot = Encode.MoveRegister(0, 0), Target = target, Source = source, WritesTarget = true };

    private static Operation Immediate(AluOperation operation, int target, int value, bool wide, short variant = 0) =>
        new(OperationKind.Alu) { Slot = new BpfInstruction(Opcodes.Alu(operation, wide, register: false), 0, 0, variant, value), Target = target, ReadsTarget = true, WritesTarget = true };
}
