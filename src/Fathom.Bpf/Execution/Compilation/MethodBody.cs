using System.Reflection;
using System.Reflection.Emit;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Execution.Compilation;

/// <summary>The IL of one subprogram under construction: registers as locals, labels of jump targets, exits for faults.</summary>
internal sealed class MethodBody
{
    private const int FirstRegisterArgument = 2;
    private const int ArgumentRegisters = 5;
    private const int FramePointerArgument = FirstRegisterArgument + ArgumentRegisters;

    private readonly record struct FaultExit(Label Label, int Slot, RunFault Fault);

    private readonly LocalBuilder[] _registers;
    private readonly List<FaultExit> _faultExits = [];
    private readonly Label _return;
    private LocalBuilder? _fuel;
    private LocalBuilder? _divisor32;
    private LocalBuilder? _divisor64;

    public MethodBody(ILGenerator il)
    {
        Il = il;
        _registers = new LocalBuilder[BpfInstruction.FramePointer];
        for (var i = 0; i < _registers.Length; i++)
            _registers[i] = il.DeclareLocal(typeof(ulong));
        _return = il.DefineLabel();
        for (var i = 1; i <= ArgumentRegisters; i++)
        {
            il.Emit(OpCodes.Ldarg_S, (byte)(FirstRegisterArgument + i - 1));
            il.Emit(OpCodes.Stloc, _registers[i]);
        }
    }

    public ILGenerator Il { get; }

    /// <summary>Where a called subprogram's fault goes on: it is noted already.</summary>
    public Label Return => _return;

    public void LoadRegister(int register)
    {
        if (register == BpfInstruction.FramePointer)
            Il.Emit(OpCodes.Ldarg_S, (byte)FramePointerArgument);
        else
            Il.Emit(OpCodes.Ldloc, _registers[register]);
    }

    /// <summary>The low 32 bits.</summary>
    public void LoadRegister32(int register)
    {
        LoadRegister(register);
        Il.Emit(OpCodes.Conv_U4);
    }

    public void StoreRegister(int register) => Il.Emit(OpCodes.Stloc, _registers[register]);

    /// <summary>The value on the stack has 32 bits; it zero-extends.</summary>
    public void StoreRegister32(int register)
    {
        Il.Emit(OpCodes.Conv_U8);
        StoreRegister(register);
    }

    /// <summary>The second operand of arithmetic or a comparison: a register, or the immediate sign-extended.</summary>
    public void LoadOperand(BpfInstruction instruction, bool wide)
    {
        if (instruction.UsesSourceRegister && wide)
            LoadRegister(instruction.Source);
        else if (instruction.UsesSourceRegister)
            LoadRegister32(instruction.Source);
        else if (wide)
            Il.Emit(OpCodes.Ldc_I8, (long)instruction.Immediate);
        else
            Il.Emit(OpCodes.Ldc_I4, instruction.Immediate);
    }

    /// <summary>Where a division keeps its divisor.</summary>
    public LocalBuilder Divisor(bool wide) => wide
        ? _divisor64 ??= Il.DeclareLocal(typeof(ulong))
        : _divisor32 ??= Il.DeclareLocal(typeof(uint));

    /// <summary>R1 to R5, as arguments.</summary>
    public void LoadArguments()
    {
        for (var i = 1; i <= ArgumentRegisters; i++)
            LoadRegister(i);
    }

    public void LoadConstant(ulong value) => Il.Emit(OpCodes.Ldc_I8, (long)value);

    public void LoadRun() => Il.Emit(OpCodes.Ldarg_1);

    public void LoadRunField(FieldInfo field)
    {
        LoadRun();
        Il.Emit(OpCodes.Ldfld, field);
    }

    /// <summary>From here on the fuel stands in a local.</summary>
    public void TakeFuel()
    {
        _fuel ??= Il.DeclareLocal(typeof(long));
        LoadRunField(RunMembers.Fuel);
        Il.Emit(OpCodes.Stloc, _fuel);
    }

    /// <summary>Before others spend of it: back into the run.</summary>
    public void GiveFuel()
    {
        if (_fuel is null)
            return;
        LoadRun();
        Il.Emit(OpCodes.Ldloc, _fuel);
        Il.Emit(OpCodes.Stfld, RunMembers.Fuel);
    }

    /// <summary>Spends one unit.</summary>
    public void Spend(int slot)
    {
        Il.Emit(OpCodes.Ldloc, _fuel!);
        Il.Emit(OpCodes.Ldc_I4_1);
        Il.Emit(OpCodes.Conv_I8);
        Il.Emit(OpCodes.Sub);
        Il.Emit(OpCodes.Stloc, _fuel!);
        Il.Emit(OpCodes.Ldloc, _fuel!);
        Il.Emit(OpCodes.Ldc_I8, 0L);
        Il.Emit(OpCodes.Blt, FaultAt(slot, RunFault.OutOfFuel));
    }

    /// <summary>Leaves when a function or check that was called noted a fault.</summary>
    public void LeaveOnFault(int slot)
    {
        LoadRunField(RunMembers.Fault);
        Il.Emit(OpCodes.Brtrue, FaultAt(slot));
    }

    /// <summary>Where to jump when a slot faults.</summary>
    /// <param name="slot">Noted as the place.</param>
    /// <param name="fault">Noted, or None when it is noted already.</param>
    public Label FaultAt(int slot, RunFault fault = RunFault.None)
    {
        var label = Il.DefineLabel();
        _faultExits.Add(new FaultExit(label, slot, fault));
        return label;
    }

    /// <summary>Emits what the faults jump to, behind the subprogram's own code.</summary>
    public void Finish()
    {
        foreach (var exit in _faultExits)
        {
            Il.MarkLabel(exit.Label);
            if (exit.Fault != RunFault.None)
            {
                LoadRun();
                Il.Emit(OpCodes.Ldc_I4, (int)exit.Fault);
                Il.Emit(OpCodes.Ldc_I8, 0L);
                Il.Emit(OpCodes.Call, RunMembers.Fail);
            }
            LoadRun();
            Il.Emit(OpCodes.Ldc_I4, exit.Slot);
            Il.Emit(OpCodes.Stfld, RunMembers.FaultInstruction);
            Il.Emit(OpCodes.Br, _return);
        }
        Il.MarkLabel(_return);
        Il.Emit(OpCodes.Ldc_I8, 0L);
        Il.Emit(OpCodes.Ret);
    }
}
