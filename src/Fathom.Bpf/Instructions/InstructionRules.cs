using System.Collections.Immutable;

namespace Fathom.Bpf.Instructions;

/// <summary>What makes slots a program before anything is known about values: defined opcodes, real registers, cleared fields, jumps to instructions.</summary>
/// <remarks>Linear in the number of slots. Source: RFC 9669, sections 3 to 5; the register call (0x8d) is let through and is the verifier's to refuse.</remarks>
public static class InstructionRules
{
    /// <summary>The first violation in slot order; null when there is none.</summary>
    public static InstructionViolation? FindViolation(BpfProgram program)
    {
        var slots = program.Instructions;
        var starts = InstructionStarts(slots);
        for (var i = 0; i < slots.Length; i++)
        {
            if (!starts[i])
                continue;
            var reason = SlotProblem(program, i) ?? TargetProblem(program, starts, i);
            if (reason is not null)
                return new InstructionViolation(i, reason);
        }
        for (var subprogram = 0; subprogram < program.SubprogramEntries.Length; subprogram++)
        {
            var last = program.SubprogramRange(subprogram).End.Value - 1;
            if (!starts[last] || !(slots[last].IsExit || slots[last].IsUnconditionalJump))
                return new InstructionViolation(last, "the last instruction of a subprogram is neither exit nor a jump: control runs off the end");
        }
        return null;
    }

    /// <summary>For each slot, whether an instruction begins there; false for the second slot of a 64-bit immediate load.</summary>
    public static bool[] InstructionStarts(ImmutableArray<BpfInstruction> slots)
    {
        var starts = new bool[slots.Length];
        for (var i = 0; i < slots.Length; i++)
        {
            starts[i] = true;
            if (slots[i].IsWideImmediate)
                i++;
        }
        return starts;
    }

    /// <summary>Whether a slot can be the second of a 64-bit immediate load.</summary>
    internal static bool IsHighHalf(BpfInstruction slot) => slot is { Opcode: 0, Destination: 0, Source: 0, Offset: 0 };

    /// <summary>What is wrong with one slot by itself; null for nothing.</summary>
    internal static string? SlotProblem(BpfProgram program, int index)
    {
        var slot = program.Instructions[index];
        if (slot.Destination > BpfInstruction.FramePointer)
            return $"register r{slot.Destination} does not exist";
        return slot.Class switch
        {
            InstructionClass.Alu32 or InstructionClass.Alu64 => AluProblem(slot),
            InstructionClass.Jump32 or InstructionClass.Jump64 => JumpProblem(program, slot),
            InstructionClass.Load => WideProblem(program, index),
            _ => AccessProblem(slot),
        };
    }

    private static string? AluProblem(BpfInstruction slot)
    {
        var wide = slot.Class == InstructionClass.Alu64;
        var operation = slot.AluOperation;
        if (operation > AluOperation.ByteSwap)
            return UnknownOpcode(slot);
        if (slot.Destination == BpfInstruction.FramePointer)
            return "the frame pointer r10 is read-only";
        if (operation is AluOperation.ByteSwap)
        {
            if (wide && slot.UsesSourceRegister)
                return UnknownOpcode(slot);
            return slot.Immediate is not (16 or 32 or 64) ? $"byte swap of {slot.Immediate} bits: 16, 32 and 64 exist" : Reserved(slot, source: true, offset: true, immediate: false);
        }
        if (operation is AluOperation.Negate)
            return slot.UsesSourceRegister ? UnknownOpcode(slot) : Reserved(slot, source: true, offset: true, immediate: true);
        if (slot.UsesSourceRegister && slot.Source > BpfInstruction.FramePointer)
            return $"register r{slot.Source} does not exist";
        var variantExists = operation switch
        {
            AluOperation.Divide or AluOperation.Modulo => slot.Offset is 0 or 1,
            AluOperation.Move when slot.UsesSourceRegister => slot.Offset is 0 or 8 or 16 || (wide && slot.Offset == 32),
            _ => slot.Offset == 0,
        };
        return variantExists
            ? Reserved(slot, source: !slot.UsesSourceRegister, offset: false, immediate: slot.UsesSourceRegister)
            : $"offset {slot.Offset} selects no variant of opcode 0x{slot.Opcode:x2}";
    }

    private static string? JumpProblem(BpfProgram program, BpfInstruction slot)
    {
        var wide = slot.Class == InstructionClass.Jump64;
        switch (slot.JumpOperation)
        {
            case JumpOperation.Always:
                if (slot.UsesSourceRegister)
                    return UnknownOpcode(slot);
                return slot.Destination != 0 ? ReservedText(slot) : Reserved(slot, source: true, offset: !wide, immediate: wide);
            case JumpOperation.Exit:
                if (slot.Opcode != Opcodes.Exit)
                    return UnknownOpcode(slot);
                return slot.Destination != 0 ? ReservedText(slot) : Reserved(slot, source: true, offset: true, immediate: true);
            case JumpOperation.Call:
                if (slot.Opcode == Opcodes.CallRegister)
                    return Reserved(slot, source: true, offset: true, immediate: true);
                return slot.Opcode == Opcodes.Call ? CallProblem(program, slot) : UnknownOpcode(slot);
            case > JumpOperation.LessOrEqualSigned:
                return UnknownOpcode(slot);
        }
        if (slot.UsesSourceRegister && slot.Source > BpfInstruction.FramePointer)
            return $"register r{slot.Source} does not exist";
        return Reserved(slot, source: !slot.UsesSourceRegister, offset: false, immediate: slot.UsesSourceRegister);
    }

    private static string? CallProblem(BpfProgram program, BpfInstruction slot)
    {
        if (slot.Destination != 0 || slot.Offset != 0)
            return ReservedText(slot);
        return (CallKind)slot.Source switch
        {
            CallKind.Helper or CallKind.Local => null,
            CallKind.Kfunc => (uint)slot.Immediate < (uint)program.Kfuncs.Length ? null : $"call of kfunc {slot.Immediate}: the program names {program.Kfuncs.Length}",
            _ => $"call of kind {slot.Source}: kinds 0 to 2 exist",
        };
    }

    private static string? WideProblem(BpfProgram program, int index)
    {
        var slot = program.Instructions[index];
        if (!slot.IsWideImmediate)
            return UnknownOpcode(slot);
        if (index + 1 >= program.Instructions.Length)
            return "the second slot of a 64-bit immediate load is missing";
        var next = program.Instructions[index + 1];
        if (!IsHighHalf(next))
            return "the second slot of a 64-bit immediate load holds more than its immediate";
        if (slot.Destination == BpfInstruction.FramePointer)
            return "the frame pointer r10 is read-only";
        if (slot.Offset != 0)
            return ReservedText(slot);
        switch ((WideImmediateKind)slot.Source)
        {
            case WideImmediateKind.Constant:
                return null;
            case WideImmediateKind.Map or WideImmediateKind.MapValue:
                if ((uint)slot.Immediate >= (uint)program.Maps.Length)
                    return $"map {slot.Immediate}: the program refers to {program.Maps.Length}";
                return slot.Source == (int)WideImmediateKind.Map && next.Immediate != 0 ? "a map reference has no second immediate" : null;
            case WideImmediateKind.Code:
                return next.Immediate != 0 ? "a code reference has no second immediate" : null;
            default:
                return $"64-bit immediate of kind {slot.Source}: a program that runs has constants, maps by index and code only";
        }
    }

    private static string? AccessProblem(BpfInstruction slot)
    {
        var isLoad = slot.Class == InstructionClass.LoadRegister;
        if (slot.Class != InstructionClass.Store && slot.Source > BpfInstruction.FramePointer)
            return $"register r{slot.Source} does not exist";
        switch (slot.Mode)
        {
            case AccessMode.Memory:
                if (isLoad && slot.Destination == BpfInstruction.FramePointer)
                    return "the frame pointer r10 is read-only";
                return Reserved(slot, source: slot.Class == InstructionClass.Store, offset: false, immediate: slot.Class != InstructionClass.Store);
            case AccessMode.MemorySigned when isLoad && slot.Size != AccessSize.DoubleWord:
                return slot.Destination == BpfInstruction.FramePointer ? "the frame pointer r10 is read-only" : Reserved(slot, source: false, offset: false, immediate: true);
            case AccessMode.Atomic when slot.Class == InstructionClass.StoreRegister:
                return AtomicProblem(slot);
            default:
                return UnknownOpcode(slot);
        }
    }

    private static string? AtomicProblem(BpfInstruction slot)
    {
        var operation = (AtomicOperation)slot.Immediate;
        switch (operation)
        {
            case AtomicOperation.LoadAcquire:
                return slot.Destination == BpfInstruction.FramePointer ? "the frame pointer r10 is read-only" : null;
            case AtomicOperation.StoreRelease:
                return null;
        }
        if (slot.Size is not (AccessSize.Word or AccessSize.DoubleWord))
            return UnknownOpcode(slot);
        var isKnown = operation is AtomicOperation.Exchange or AtomicOperation.CompareExchange
            || (operation & ~AtomicOperation.Fetch) is AtomicOperation.Add or AtomicOperation.Or or AtomicOperation.And or AtomicOperation.Xor;
        if (!isKnown)
            return $"atomic operation 0x{slot.Immediate:x} does not exist";
        var writesSource = (operation & AtomicOperation.Fetch) != 0 && operation != AtomicOperation.CompareExchange;
        return writesSource && slot.Source == BpfInstruction.FramePointer ? "the frame pointer r10 is read-only" : null;
    }

    private static string? TargetProblem(BpfProgram program, bool[] starts, int index)
    {
        var slot = program.Instructions[index];
        var refersToCode = slot.IsWideImmediate && slot.Source == (int)WideImmediateKind.Code;
        if (!slot.IsJump && !slot.IsLocalCall && !refersToCode)
            return null;
        var target = index + 1L + (slot.IsJump ? slot.JumpDistance : slot.Immediate);
        if (target < 0 || target >= starts.Length)
            return $"target {target} is outside of the program's {starts.Length} slots";
        if (!starts[(int)target])
            return $"target {target} is the second slot of a 64-bit immediate load";
        if (slot.IsJump && program.SubprogramOf((int)target) != program.SubprogramOf(index))
            return $"target {target} lies in another subprogram";
        return null;
    }

    private static string? Reserved(BpfInstruction slot, bool source, bool offset, bool immediate) =>
        (source && slot.Source != 0) || (offset && slot.Offset != 0) || (immediate && slot.Immediate != 0) ? ReservedText(slot) : null;

    private static string ReservedText(BpfInstruction slot) =>
        $"opcode 0x{slot.Opcode:x2} leaves a field unused that is not zero (dst {slot.Destination}, src {slot.Source}, offset {slot.Offset}, immediate {slot.Immediate})";

    private static string UnknownOpcode(BpfInstruction slot) => $"opcode 0x{slot.Opcode:x2} does not exist";
}
