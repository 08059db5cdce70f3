using Fathom.Bpf.Compiler.Layout;
using Fathom.Bpf.Compiler.Registers;
using Fathom.Bpf.Instructions;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Fathom.Bpf.Compiler.Lowering;

/// <summary>Lowers the IL of one method: control flow, locals and arguments here; values and calls in classes of their own.</summary>
internal sealed class MethodLowering
{
    private const int ArgumentsMax = 5;

    private readonly MethodDefinition _method;
    private readonly OperationList _list;
    private readonly ValueLowering _values;
    private readonly CallLowering _calls;
    private readonly Dictionary<Instruction, int> _labels = [];
    private readonly Dictionary<int, bool[]> _shapes = [];
    private readonly List<int> _parameters = [];
    private readonly List<Storage> _locals = [];

    /// <summary>Where a local lives: a virtual register, or the frame when it is a struct or its address is taken.</summary>
    private readonly record struct Storage(int Register, int FrameOffset, bool IsWide, TypeReference Type)
    {
        public bool IsInFrame => Register < 0;
    }

    private MethodLowering(MethodDefinition method, CompilationUnit unit)
    {
        _method = method;
        _list = new OperationList(method);
        _values = new ValueLowering(_list);
        _calls = new CallLowering(_list, _values, unit);
    }

    /// <exception cref="CompileException">The method does something that eBPF does not have.</exception>
    public static Subprogram Lower(MethodDefinition method, CompilationUnit unit)
    {
        var lowering = new MethodLowering(method, unit);
        return lowering.Lower();
    }

    private Subprogram Lower()
    {
        CheckForm();
        DeclareParameters();
        DeclareLocals();
        foreach (var instruction in _method.Body.Instructions)
            foreach (var target in Targets(instruction))
                _labels.TryAdd(target, _list.NewLabel());
        var isReachable = true;
        foreach (var instruction in _method.Body.Instructions)
        {
            _list.At(instruction);
            if (_labels.TryGetValue(instruction, out var label))
            {
                if (isReachable)
                    Leave(label);
                Enter(label);
                isReachable = true;
            }
            if (!isReachable)
                continue;
            isReachable = Lower(instruction);
        }
        return new Subprogram(_method.Name, _list.Operations, _parameters, _list.RegisterCount, _list.FrameBytes, _list.Lines);
    }

    private void CheckForm()
    {
        if (!_method.HasBody)
            throw _list.Error("has no body to compile");
        if (_method.Body.HasExceptionHandlers)
            throw _list.Error("exceptions: a storage function cannot throw or catch; return a negative error");
        if (_method.HasGenericParameters)
            throw _list.Error("generic methods are not supported");
        if (!_method.IsStatic && !_method.DeclaringType.IsValueType)
            throw _list.Error("methods of classes are not supported");
    }

    private void DeclareParameters()
    {
        if (!_method.IsStatic)
            _parameters.Add(_list.NewRegister());
        foreach (var parameter in _method.Parameters)
        {
            if (StackType.Of(parameter.ParameterType) is null)
                throw _list.Error($"parameter {parameter.Name} of type {parameter.ParameterType.Name}: numbers, references and pointers are supported");
            _parameters.Add(_list.NewRegister());
        }
        if (_parameters.Count > ArgumentsMax)
            throw _list.Error($"{_parameters.Count} parameters: a subprogram has at most {ArgumentsMax}");
    }

    private void DeclareLocals()
    {
        var addressed = _method.Body.Instructions.Where(instruction => instruction.OpCode.Code is Code.Ldloca or Code.Ldloca_S).Select(instruction => (VariableDefinition)instruction.Operand).ToHashSet();
        foreach (var variable in _method.Body.Variables)
        {
            var isWide = StackType.Of(variable.VariableType);
            if (isWide is { } wide && !addressed.Contains(variable))
            {
                _locals.Add(new Storage(_list.NewRegister(), 0, wide, variable.VariableType));
                continue;
            }
            if (TypeLayout.SizeOf(variable.VariableType) is not { } bytes)
                throw _list.Error($"a local of type {variable.VariableType.Name}: numbers, references, pointers and unmanaged structs are supported");
            _locals.Add(new Storage(Operation.None, _list.TakeFrame(bytes), isWide ?? false, variable.VariableType));
        }
        // IL starts with zeroed locals; the verifier wants to see it, and what is never read costs nothing.
        if (!_method.Body.InitLocals)
            return;
        foreach (var local in _locals)
        {
            if (local.IsInFrame)
                _values.ClearFrame(local.FrameOffset, TypeLayout.SizeOf(local.Type)!.Value);
            else
                _list.Add(new Operation(OperationKind.Constant) { Target = local.Register, WritesTarget = true, Value = 0 });
        }
    }

    /// <returns>Whether control goes on behind the instruction.</returns>
    private bool Lower(Instruction instruction)
    {
        var code = instruction.OpCode.Code;
        switch (code)
        {
            case Code.Nop or Code.Volatile or Code.Unaligned or Code.Readonly or Code.Break:
                return true;
            case Code.Ret:
                LowerReturn();
                return false;
            case Code.Br or Code.Br_S:
                Leave(_labels[(Instruction)instruction.Operand]);
                _list.Add(new Operation(OperationKind.Goto) { Label = _labels[(Instruction)instruction.Operand] });
                return false;
            case Code.Switch:
                LowerSwitch((Instruction[])instruction.Operand);
                return true;
            case Code.Call:
                _calls.Lower((MethodReference)instruction.Operand);
                return true;
        }
        if (instruction.OpCode.FlowControl == FlowControl.Cond_Branch)
        {
            LowerBranch(instruction);
            return true;
        }
        if (LowerVariable(instruction) || _values.Lower(instruction))
            return true;
        throw _list.Error($"'{instruction.OpCode.Name}' has no place in eBPF{Hint(instruction)}");
    }

    private static string Hint(Instruction instruction) => instruction.OpCode.Code switch
    {
        Code.Newobj when ((MethodReference)instruction.Operand).DeclaringType.Name.EndsWith("Exception", StringComparison.Ordinal) => ": return a negative error instead of throwing",
        Code.Newobj or Code.Newarr or Code.Box => ": a storage function allocates nothing",
        Code.Throw or Code.Rethrow => ": return a negative error instead of throwing",
        Code.Callvirt or Code.Calli => ": only static calls are possible",
        Code.Ldstr => ": there are no strings",
        Code.Ldsfld or Code.Stsfld or Code.Ldsflda => ": there are no static fields; keep state in scratch memory",
        Code.Ldc_R4 or Code.Ldc_R8 or Code.Conv_R4 or Code.Conv_R8 or Code.Conv_R_Un => ": there are no floating-point numbers",
        Code.Ldelema or Code.Ldlen => ": there are no arrays; use fixed buffers",
        _ => "",
    };

    private bool LowerVariable(Instruction instruction)
    {
        switch (instruction.OpCode.Code)
        {
            case Code.Ldarg_0 or Code.Ldarg_1 or Code.Ldarg_2 or Code.Ldarg_3 or Code.Ldarg or Code.Ldarg_S:
                var read = ArgumentIndex(instruction);
                _values.Push(StackEntry.OfRegister(_parameters[read], ArgumentIsWide(read)));
                return true;
            case Code.Starg or Code.Starg_S:
                var written = ArgumentIndex(instruction);
                _values.Assign(_parameters[written], ArgumentIsWide(written));
                return true;
            case Code.Ldloc_0 or Code.Ldloc_1 or Code.Ldloc_2 or Code.Ldloc_3 or Code.Ldloc or Code.Ldloc_S:
                LoadLocal(_locals[LocalIndex(instruction, Code.Ldloc_0)]);
                return true;
            case Code.Stloc_0 or Code.Stloc_1 or Code.Stloc_2 or Code.Stloc_3 or Code.Stloc or Code.Stloc_S:
                StoreLocal(_locals[LocalIndex(instruction, Code.Stloc_0)]);
                return true;
            case Code.Ldloca or Code.Ldloca_S:
                var offset = _locals[((VariableDefinition)instruction.Operand).Index].FrameOffset;
                _values.Push(StackEntry.OfRegister(Operation.Frame, isWide: true, offset));
                return true;
            default:
                return false;
        }
    }

    private void LoadLocal(Storage local)
    {
        if (!local.IsInFrame)
            _values.Push(StackEntry.OfRegister(local.Register, local.IsWide));
        else if (MemoryType.Of(local.Type) is { } type)
            _values.LoadFrom(StackEntry.OfRegister(Operation.Frame, true, local.FrameOffset), type);
        else
            // A struct is loaded only for one of its fields: its address will do, and a copy of it finds no place to go.
            _values.Push(StackEntry.OfRegister(Operation.Frame, true, local.FrameOffset));
    }

    private void StoreLocal(Storage local)
    {
        if (!local.IsInFrame)
            _values.Assign(local.Register, local.IsWide);
        else if (MemoryType.Of(local.Type) is { } type)
            _values.StoreTo(StackEntry.OfRegister(Operation.Frame, true, local.FrameOffset), _values.Pop(), type);
        else
            throw _list.Error($"copying a struct ({local.Type.Name}): use a reference to it");
    }

    private void LowerReturn()
    {
        if (_method.ReturnType.MetadataType == MetadataType.Void)
        {
            _list.Add(new Operation(OperationKind.Return) { Arguments = [Operand.Constant(0)] });
            return;
        }
        var isInt = _method.ReturnType.MetadataType == MetadataType.Int32;
        var value = _values.Pop();
        // An int travels sign-extended, so that a negative error is one in 64 bits too.
        var operand = value.Kind == EntryKind.Constant ? Operand.Constant(isInt ? (int)value.Value : value.Value)
            : Operand.Of(isInt ? _values.SignExtended(value) : _values.Materialize(value));
        _list.Add(new Operation(OperationKind.Return) { Arguments = [operand] });
    }

    private void LowerBranch(Instruction instruction)
    {
        var target = _labels[(Instruction)instruction.Operand];
        var condition = instruction.OpCode.Code switch
        {
            Code.Brtrue or Code.Brtrue_S => _values.Truth(),
            Code.Brfalse or Code.Brfalse_S => ValueLowering.Negated(_values.Truth()),
            Code.Beq or Code.Beq_S => _values.Compare(JumpOperation.Equal),
            Code.Bne_Un or Code.Bne_Un_S => _values.Compare(JumpOperation.NotEqual),
            Code.Bgt or Code.Bgt_S => _values.Compare(JumpOperation.GreaterSigned),
            Code.Bgt_Un or Code.Bgt_Un_S => _values.Compare(JumpOperation.Greater),
            Code.Bge or Code.Bge_S => _values.Compare(JumpOperation.GreaterOrEqualSigned),
            Code.Bge_Un or Code.Bge_Un_S => _values.Compare(JumpOperation.GreaterOrEqual),
            Code.Blt or Code.Blt_S => _values.Compare(JumpOperation.LessSigned),
            Code.Blt_Un or Code.Blt_Un_S => _values.Compare(JumpOperation.Less),
            Code.Ble or Code.Ble_S => _values.Compare(JumpOperation.LessOrEqualSigned),
            _ => _values.Compare(JumpOperation.LessOrEqual),
        };
        Leave(target);
        _values.Branch(condition, target);
    }

    private void LowerSwitch(Instruction[] targets)
    {
        var value = _values.Materialize(_values.Pop());
        for (var i = 0; i < targets.Length; i++)
        {
            Leave(_labels[targets[i]]);
            _values.Branch(StackEntry.OfComparison(JumpOperation.Equal, value, Operand.Constant(i), wide: false), _labels[targets[i]]);
        }
    }

    /// <summary>Values that stay on the stack across a jump go into registers by their depth.</summary>
    private void Leave(int label)
    {
        var entries = _values.Stack;
        _shapes.TryAdd(label, [.. entries.Select(entry => entry.IsWide)]);
        if (_shapes[label].Length != entries.Count)
            throw _list.Error("the evaluation stack has different depths here");
        for (var depth = 0; depth < entries.Count; depth++)
            _values.MoveToCarrier(depth);
    }

    private void Enter(int label)
    {
        _list.Add(new Operation(OperationKind.Label) { Label = label });
        _values.Reset(_shapes.GetValueOrDefault(label) ?? []);
    }

    private static Instruction[] Targets(Instruction instruction) => instruction.Operand switch
    {
        Instruction target => [target],
        Instruction[] targets => targets,
        _ => [],
    };

    private int ArgumentIndex(Instruction instruction)
    {
        var short0 = instruction.OpCode.Code - Code.Ldarg_0;
        if (short0 is >= 0 and <= 3)
            return short0;
        var parameter = (ParameterDefinition)instruction.Operand;
        return parameter.Index + (_method.IsStatic ? 0 : 1);
    }

    private bool ArgumentIsWide(int index)
    {
        if (!_method.IsStatic && index == 0)
            return true;
        return StackType.Of(_method.Parameters[index - (_method.IsStatic ? 0 : 1)].ParameterType)!.Value;
    }

    private static int LocalIndex(Instruction instruction, Code first)
    {
        var short0 = instruction.OpCode.Code - first;
        return short0 is >= 0 and <= 3 ? short0 : ((VariableDefinition)instruction.Operand).Index;
    }
}
