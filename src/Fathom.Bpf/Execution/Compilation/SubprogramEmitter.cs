using System.Reflection.Emit;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Execution.Compilation;

/// <summary>Emits one subprogram: its control flow here, the rest by the emitters of arithmetic, accesses and calls.</summary>
internal sealed class SubprogramEmitter
{
    private readonly BoundProgram _bound;
    private readonly MethodBody _body;
    private readonly CallEmitter _calls;
    private readonly AccessEmitter _accesses;
    private readonly Dictionary<int, Label> _labels = [];
    private readonly int _first;
    private readonly int _end;

    public SubprogramEmitter(BoundProgram bound, int subprogram, DynamicMethod[] methods, List<HelperFunction> functions)
    {
        _bound = bound;
        var range = bound.Program.SubprogramRange(subprogram);
        (_first, _end) = (range.Start.Value, range.End.Value);
        _body = new MethodBody(methods[subprogram].GetILGenerator());
        _calls = new CallEmitter(_body, bound, methods, functions);
        _accesses = new AccessEmitter(_body, bound.IsChecked);
    }

    public void Emit()
    {
        if (Survey())
            _body.TakeFuel();
        for (var slot = _first; slot < _end; slot++)
        {
            if (_labels.TryGetValue(slot, out var label))
                _body.Il.MarkLabel(label);
            slot += Emit(slot);
        }
        _body.Finish();
    }

    /// <summary>Defines a label for every jump target.</summary>
    /// <returns>Whether the subprogram spends fuel: it has backward jumps or calls.</returns>
    private bool Survey()
    {
        var spends = false;
        for (var slot = _first; slot < _end; slot++)
        {
            var instruction = _bound.Program.Instructions[slot];
            if (instruction.IsJump)
            {
                var target = slot + 1 + instruction.JumpDistance;
                _labels.TryAdd(target, default);
                spends |= target <= slot;
            }
            spends |= instruction.IsLocalCall;
            if (instruction.IsWideImmediate)
                slot++;
        }
        foreach (var target in _labels.Keys)
            _labels[target] = _body.Il.DefineLabel();
        return spends;
    }

    /// <returns>Slots beyond the first that the instruction takes.</returns>
    private int Emit(int slot)
    {
        var instruction = _bound.Program.Instructions[slot];
        switch (instruction.Class)
        {
            case InstructionClass.Alu32 or InstructionClass.Alu64:
                AluEmitter.Emit(_body, instruction);
                return 0;
            case InstructionClass.Load:
                _body.LoadConstant(_bound.WideValueAt(slot));
                _body.StoreRegister(instruction.Destination);
                return 1;
            case InstructionClass.Jump32 or InstructionClass.Jump64:
                EmitJump(instruction, slot);
                return 0;
            default:
                _accesses.Emit(instruction, slot);
                return 0;
        }
    }

    private void EmitJump(BpfInstruction instruction, int slot)
    {
        if (instruction.IsExit)
        {
            _body.GiveFuel();
            _body.LoadRegister(0);
            _body.Il.Emit(OpCodes.Ret);
            return;
        }
        if (instruction.JumpOperation == JumpOperation.Call)
        {
            _calls.Emit(instruction, slot);
            return;
        }
        var target = slot + 1 + instruction.JumpDistance;
        if (target > slot)
        {
            EmitBranch(instruction, _labels[target], taken: true);
            return;
        }
        var next = _body.Il.DefineLabel();
        if (!instruction.IsUnconditionalJump)
            EmitBranch(instruction, next, taken: false);
        _body.Spend(slot);
        _body.Il.Emit(OpCodes.Br, _labels[target]);
        _body.Il.MarkLabel(next);
    }

    /// <summary>Branches when the comparison holds, or when it does not.</summary>
    private void EmitBranch(BpfInstruction instruction, Label target, bool taken)
    {
        if (instruction.IsUnconditionalJump)
        {
            _body.Il.Emit(OpCodes.Br, target);
            return;
        }
        var wide = instruction.Class == InstructionClass.Jump64;
        if (wide)
            _body.LoadRegister(instruction.Destination);
        else
            _body.LoadRegister32(instruction.Destination);
        _body.LoadOperand(instruction, wide);
        if (instruction.JumpOperation == JumpOperation.AnySet)
            _body.Il.Emit(OpCodes.And);
        _body.Il.Emit(Branch(instruction.JumpOperation, taken), target);
    }

    private static OpCode Branch(JumpOperation operation, bool taken) => (operation, taken) switch
    {
        (JumpOperation.Equal, true) or (JumpOperation.NotEqual, false) => OpCodes.Beq,
        (JumpOperation.NotEqual, true) or (JumpOperation.Equal, false) => OpCodes.Bne_Un,
        (JumpOperation.Greater, true) or (JumpOperation.LessOrEqual, false) => OpCodes.Bgt_Un,
        (JumpOperation.GreaterOrEqual, true) or (JumpOperation.Less, false) => OpCodes.Bge_Un,
        (JumpOperation.Less, true) or (JumpOperation.GreaterOrEqual, false) => OpCodes.Blt_Un,
        (JumpOperation.LessOrEqual, true) or (JumpOperation.Greater, false) => OpCodes.Ble_Un,
        (JumpOperation.GreaterSigned, true) or (JumpOperation.LessOrEqualSigned, false) => OpCodes.Bgt,
        (JumpOperation.GreaterOrEqualSigned, true) or (JumpOperation.LessSigned, false) => OpCodes.Bge,
        (JumpOperation.LessSigned, true) or (JumpOperation.GreaterOrEqualSigned, false) => OpCodes.Blt,
        (JumpOperation.LessOrEqualSigned, true) or (JumpOperation.GreaterSigned, false) => OpCodes.Ble,
        (_, true) => OpCodes.Brtrue,
        _ => OpCodes.Brfalse,
    };
}
