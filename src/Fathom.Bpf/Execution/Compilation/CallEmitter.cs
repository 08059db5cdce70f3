using System.Reflection;
using System.Reflection.Emit;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Execution.Compilation;

/// <summary>Emits calls: of subprograms, of helpers by their method, and the data and scratch kfuncs in place.</summary>
/// <param name="body">The calling subprogram.</param>
/// <param name="bound">The program.</param>
/// <param name="methods">One for each subprogram.</param>
/// <param name="functions">Functions that are bound to an object; more are added here.</param>
internal sealed class CallEmitter(MethodBody body, BoundProgram bound, DynamicMethod[] methods, List<HelperFunction> functions)
{
    private static readonly MethodInfo Data = RunMembers.Method(typeof(StandardFunctions), nameof(StandardFunctions.Data));
    private static readonly MethodInfo Scratch = RunMembers.Method(typeof(StandardFunctions), nameof(StandardFunctions.Scratch));

    public void Emit(BpfInstruction instruction, int slot)
    {
        if (instruction.IsLocalCall)
            EmitLocal(instruction, slot);
        else if (instruction.Opcode == Opcodes.CallRegister)
            EmitByRegister(instruction, slot);
        else if (bound.FunctionAt(slot) is { } function)
            EmitFunction(function, slot);
        else
            EmitUnknown(instruction, slot);
    }

    private void EmitLocal(BpfInstruction instruction, int slot)
    {
        var il = body.Il;
        body.Spend(slot);
        body.LoadRunField(RunMembers.FramesLeft);
        il.Emit(OpCodes.Brfalse, body.FaultAt(slot, RunFault.CallTooDeep));
        AddFrames(-1);
        body.GiveFuel();
        il.Emit(OpCodes.Ldarg_0);
        body.LoadRun();
        body.LoadArguments();
        body.LoadRegister(BpfInstruction.FramePointer);
        il.Emit(OpCodes.Ldc_I8, (long)ExecutionLimits.FrameBytes);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Call, methods[bound.Program.SubprogramOf(slot + 1 + instruction.Immediate)]);
        body.StoreRegister(0);
        body.LoadRunField(RunMembers.Fault);
        il.Emit(OpCodes.Brtrue, body.Return);
        AddFrames(1);
        body.TakeFuel();
    }

    private void EmitFunction(HelperFunction function, int slot)
    {
        if (function.Target is null && function.Method == Data)
        {
            EmitMemory(RunMembers.DataStart, RunMembers.DataBytes);
            return;
        }
        if (function.Target is null && function.Method == Scratch)
        {
            EmitMemory(RunMembers.ScratchStart, RunMembers.ScratchBytes);
            return;
        }
        if (function.Target is null)
        {
            body.LoadRun();
            body.LoadArguments();
            body.Il.Emit(OpCodes.Call, function.Method);
        }
        else
        {
            body.Il.Emit(OpCodes.Ldarg_0);
            body.Il.Emit(OpCodes.Ldfld, RunMembers.Functions);
            body.Il.Emit(OpCodes.Ldc_I4, functions.Count);
            body.Il.Emit(OpCodes.Ldelem_Ref);
            functions.Add(function);
            body.LoadRun();
            body.LoadArguments();
            body.Il.Emit(OpCodes.Callvirt, RunMembers.InvokeFunction);
        }
        body.StoreRegister(0);
        body.LeaveOnFault(slot);
    }

    private void EmitByRegister(BpfInstruction instruction, int slot)
    {
        body.LoadRun();
        body.LoadRegister(instruction.Destination);
        body.LoadArguments();
        body.Il.Emit(OpCodes.Call, RunMembers.CallByRegister);
        body.StoreRegister(0);
        body.LeaveOnFault(slot);
    }

    private void EmitUnknown(BpfInstruction instruction, int slot)
    {
        body.LoadRun();
        body.Il.Emit(OpCodes.Ldc_I4, (int)RunFault.UnknownFunction);
        body.LoadConstant((uint)instruction.Immediate);
        body.Il.Emit(OpCodes.Call, RunMembers.Fail);
        body.Il.Emit(OpCodes.Br, body.FaultAt(slot));
    }

    /// <summary>R0 = R2 &lt;= length and R3 &lt;= length - R2 ? start + R2 : 0, all in 32 bits: no difference wraps.</summary>
    private void EmitMemory(FieldInfo start, FieldInfo length)
    {
        var il = body.Il;
        var outside = il.DefineLabel();
        var end = il.DefineLabel();
        body.LoadRegister32(2);
        body.LoadRunField(length);
        il.Emit(OpCodes.Bgt_Un, outside);
        body.LoadRegister32(3);
        body.LoadRunField(length);
        body.LoadRegister32(2);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Bgt_Un, outside);
        body.LoadRunField(start);
        il.Emit(OpCodes.Conv_U8);
        body.LoadRegister32(2);
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Add);
        body.StoreRegister(0);
        il.Emit(OpCodes.Br, end);
        il.MarkLabel(outside);
        body.LoadConstant(0);
        body.StoreRegister(0);
        il.MarkLabel(end);
    }

    private void AddFrames(int frames)
    {
        body.LoadRun();
        body.LoadRunField(RunMembers.FramesLeft);
        body.Il.Emit(OpCodes.Ldc_I4, frames);
        body.Il.Emit(OpCodes.Add);
        body.Il.Emit(OpCodes.Stfld, RunMembers.FramesLeft);
    }
}
