using System.Reflection;
using System.Reflection.Emit;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Execution.Compilation;

/// <summary>Emits loads, stores and atomic operations, with a check before each when the program is not verified.</summary>
internal sealed class AccessEmitter(MethodBody body, bool isChecked)
{
    private static readonly MethodInfo LoadAcquire = RunMembers.Method(typeof(AtomicAccess), nameof(AtomicAccess.LoadAcquire));
    private static readonly MethodInfo StoreRelease = RunMembers.Method(typeof(AtomicAccess), nameof(AtomicAccess.StoreRelease));

    public void Emit(BpfInstruction instruction, int slot)
    {
        if (instruction.Mode == AccessMode.Atomic)
            EmitAtomic(instruction, slot);
        else if (instruction.Class == InstructionClass.LoadRegister)
            EmitLoad(instruction, slot);
        else
            EmitStore(instruction, slot);
    }

    private void EmitLoad(BpfInstruction instruction, int slot)
    {
        Check(instruction, slot, instruction.Source, RunMembers.Check, isWrite: false);
        LoadAddress(instruction.Source, instruction.Offset);
        body.Il.Emit(OpCodes.Conv_U);
        var signed = instruction.Mode == AccessMode.MemorySigned;
        // SAFETY: checked just now or proved by the verifier; no alignment is assumed.
        if (instruction.Size != AccessSize.Byte)
            body.Il.Emit(OpCodes.Unaligned, (byte)1);
        switch (instruction.Size)
        {
            case AccessSize.Byte:
                body.Il.Emit(signed ? OpCodes.Ldind_I1 : OpCodes.Ldind_U1);
                break;
            case AccessSize.Half:
                body.Il.Emit(signed ? OpCodes.Ldind_I2 : OpCodes.Ldind_U2);
                break;
            case AccessSize.Word:
                body.Il.Emit(signed ? OpCodes.Ldind_I4 : OpCodes.Ldind_U4);
                break;
            default:
                body.Il.Emit(OpCodes.Ldind_I8);
                break;
        }
        if (instruction.Size != AccessSize.DoubleWord)
            body.Il.Emit(signed ? OpCodes.Conv_I8 : OpCodes.Conv_U8);
        body.StoreRegister(instruction.Destination);
    }

    private void EmitStore(BpfInstruction instruction, int slot)
    {
        Check(instruction, slot, instruction.Destination, RunMembers.Check, isWrite: true);
        LoadAddress(instruction.Destination, instruction.Offset);
        body.Il.Emit(OpCodes.Conv_U);
        if (instruction.Class == InstructionClass.Store)
            body.Il.Emit(OpCodes.Ldc_I8, (long)instruction.Immediate);
        else
            body.LoadRegister(instruction.Source);
        if (instruction.Size != AccessSize.DoubleWord)
            body.Il.Emit(OpCodes.Conv_U4);
        // SAFETY: as for loads.
        if (instruction.Size != AccessSize.Byte)
            body.Il.Emit(OpCodes.Unaligned, (byte)1);
        body.Il.Emit(instruction.Size switch
        {
            AccessSize.Byte => OpCodes.Stind_I1,
            AccessSize.Half => OpCodes.Stind_I2,
            AccessSize.Word => OpCodes.Stind_I4,
            _ => OpCodes.Stind_I8,
        });
    }

    private void EmitAtomic(BpfInstruction instruction, int slot)
    {
        var operation = (AtomicOperation)instruction.Immediate;
        var isLoad = operation == AtomicOperation.LoadAcquire;
        var addressRegister = isLoad ? instruction.Source : instruction.Destination;
        Check(instruction, slot, addressRegister, RunMembers.CheckAtomic, isWrite: !isLoad);
        LoadAddress(addressRegister, instruction.Offset);
        switch (operation)
        {
            case AtomicOperation.LoadAcquire:
                body.Il.Emit(OpCodes.Ldc_I4, instruction.AccessBytes);
                body.Il.Emit(OpCodes.Call, LoadAcquire);
                body.StoreRegister(instruction.Destination);
                return;
            case AtomicOperation.StoreRelease:
                body.LoadRegister(instruction.Source);
                body.Il.Emit(OpCodes.Ldc_I4, instruction.AccessBytes);
                body.Il.Emit(OpCodes.Call, StoreRelease);
                return;
        }
        body.LoadRegister(instruction.Source);
        if (operation == AtomicOperation.CompareExchange)
            body.LoadRegister(0);
        body.Il.Emit(OpCodes.Call, Function(operation, instruction.Size == AccessSize.DoubleWord));
        if (operation == AtomicOperation.CompareExchange)
            body.StoreRegister(0);
        else if ((operation & AtomicOperation.Fetch) != 0)
            body.StoreRegister(instruction.Source);
        else
            body.Il.Emit(OpCodes.Pop);
    }

    private static MethodInfo Function(AtomicOperation operation, bool isWide)
    {
        var name = (operation | AtomicOperation.Fetch) switch
        {
            AtomicOperation.Add | AtomicOperation.Fetch => "Add",
            AtomicOperation.Or | AtomicOperation.Fetch => "Or",
            AtomicOperation.And | AtomicOperation.Fetch => "And",
            AtomicOperation.Xor | AtomicOperation.Fetch => "Xor",
            AtomicOperation.Exchange => "Exchange",
            _ => "CompareExchange",
        };
        return RunMembers.Method(typeof(AtomicAccess), name + (isWide ? "64" : "32"));
    }

    private void Check(BpfInstruction instruction, int slot, int addressRegister, MethodInfo check, bool isWrite)
    {
        if (!isChecked)
            return;
        body.LoadRun();
        LoadAddress(addressRegister, instruction.Offset);
        body.LoadConstant((ulong)instruction.AccessBytes);
        body.Il.Emit(isWrite ? OpCodes.Ldc_I4_1 : OpCodes.Ldc_I4_0);
        body.Il.Emit(OpCodes.Call, check);
        body.Il.Emit(OpCodes.Brfalse, body.FaultAt(slot));
    }

    private void LoadAddress(int register, short offset)
    {
        body.LoadRegister(register);
        if (offset == 0)
            return;
        body.Il.Emit(OpCodes.Ldc_I8, (long)offset);
        body.Il.Emit(OpCodes.Add);
    }
}
