using System.Runtime.CompilerServices;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Verification;
using Fathom.Memory;

namespace Fathom.Bpf.Execution;

/// <summary>Runs a program slot by slot: the reference that compiled code is compared with, and the engine where no code can be made.</summary>
/// <remarks>Immutable; any number of threads may run it at once. A run allocates nothing for a verified program.</remarks>
public sealed unsafe class Interpreter
{
    private const int SavedRegisters = 10;

    private readonly BoundProgram _bound;

    private Interpreter(BoundProgram bound) => _bound = bound;

    /// <summary>For a verified program: nothing is checked again but fuel.</summary>
    /// <exception cref="BindingException">The program's type can only be verified, or a map or function is missing.</exception>
    public static Interpreter Create(VerifiedProgram program, ProgramBinding binding) => new(BoundProgram.Verified(program, binding));

    /// <summary>For a program that nobody verified: each access is checked against the memory it was given, its stack and its maps.</summary>
    /// <exception cref="BindingException">A slot is no instruction, or a map is missing.</exception>
    public static Interpreter CreateChecked(BpfProgram program, ProgramBinding binding) => new(new BoundProgram(program, binding, isChecked: true));

    /// <summary>Runs the program from its first slot.</summary>
    /// <param name="memory">What it may touch; of its type's shape when the program is verified.</param>
    /// <param name="limits">What it may spend.</param>
    [SkipLocalsInit]
    public RunOutcome Run(in ProgramMemory memory, in ExecutionLimits limits)
    {
        const int StackBytes = ExecutionLimits.FramesMax * ExecutionLimits.FrameBytes;
        const int Alignment = 16;
        var stackMemory = stackalloc byte[StackBytes + Alignment];
        // SAFETY: rounding up takes at most the Alignment bytes that were asked for in addition.
        var stack = new NativeView((byte*)(((ulong)stackMemory + Alignment - 1) & ~(Alignment - 1UL)), StackBytes);
        return Run(memory, limits, stack);
    }

    /// <summary>As the public run, on a stack of the caller's: eight frames, aligned to 16.</summary>
    internal RunOutcome Run(in ProgramMemory memory, in ExecutionLimits limits, NativeView stack)
    {
        BpfRun run = default;
        _bound.Begin(ref run, memory, limits, stack);
        var result = Execute(ref run, (ulong)(stack.Pointer + stack.Length));
        return BoundProgram.End(run, result);
    }

    /// <returns>R0; meaningless after a fault, which stands in <paramref name="run"/>.</returns>
    private ulong Execute(ref BpfRun run, ulong stackTop)
    {
        var slots = _bound.Program.Instructions.AsSpan();
        Span<ulong> registers = stackalloc ulong[BpfInstruction.FramePointer + 1];
        Span<ulong> saved = stackalloc ulong[ExecutionLimits.FramesMax * SavedRegisters];
        registers.Clear();
        registers[1] = run.ContextAddress;
        registers[2] = run.ContextBytes;
        registers[BpfInstruction.FramePointer] = stackTop;
        var frame = 0;
        var pc = 0;
        while (true)
        {
            var slot = slots[pc];
            var next = pc + 1;
            switch (slot.Class)
            {
                case InstructionClass.Alu32 or InstructionClass.Alu64:
                    registers[slot.Destination] = Arithmetic.Compute(slot, registers[slot.Destination], Operand(slot, registers));
                    break;
                case InstructionClass.Load:
                    registers[slot.Destination] = _bound.WideValueAt(pc);
                    next = pc + 2;
                    break;
                case InstructionClass.Jump32 or InstructionClass.Jump64:
                    if (slot.IsExit)
                    {
                        if (frame == 0)
                            return registers[0];
                        next = Return(registers, saved, ref frame);
                        run.FramesLeft++;
                    }
                    else if (slot.IsLocalCall)
                    {
                        if (!Spend(ref run) || !Enter(ref run, registers, saved, ref frame, next))
                            return Fault(ref run, pc);
                        next += slot.Immediate;
                    }
                    else if (slot.JumpOperation == JumpOperation.Call)
                    {
                        registers[0] = CallFunction(ref run, pc, registers);
                    }
                    else if (slot.IsUnconditionalJump || Arithmetic.Holds(slot, registers[slot.Destination], Operand(slot, registers)))
                    {
                        next += slot.JumpDistance;
                        if (next <= pc && !Spend(ref run))
                            return Fault(ref run, pc);
                    }
                    break;
                default:
                    Access(ref run, slot, registers);
                    break;
            }
            if (run.Fault != RunFault.None)
                return Fault(ref run, pc);
            pc = next;
        }
    }

    private static ulong Operand(BpfInstruction slot, Span<ulong> registers) =>
        slot.UsesSourceRegister ? registers[slot.Source] : (ulong)slot.Immediate;

    private static ulong Fault(ref BpfRun run, int pc)
    {
        run.FaultInstruction = pc;
        return 0;
    }

    private static bool Spend(ref BpfRun run)
    {
        if (--run.Fuel >= 0)
            return true;
        run.Fail(RunFault.OutOfFuel, 0);
        return false;
    }

    /// <summary>The caller's R1 to R9 and return slot are put away; the subprogram starts with its arguments, zeros and a frame of its own.</summary>
    private static bool Enter(ref BpfRun run, scoped Span<ulong> registers, scoped Span<ulong> saved, ref int frame, int returnSlot)
    {
        if (run.FramesLeft == 0)
        {
            run.Fail(RunFault.CallTooDeep, 0);
            return false;
        }
        run.FramesLeft--;
        registers[0] = (ulong)returnSlot;
        registers[..SavedRegisters].CopyTo(saved[(frame * SavedRegisters)..]);
        frame++;
        registers[0] = 0;
        registers[6..SavedRegisters].Clear();
        registers[BpfInstruction.FramePointer] -= ExecutionLimits.FrameBytes;
        return true;
    }

    private static int Return(Span<ulong> registers, scoped Span<ulong> saved, ref int frame)
    {
        frame--;
        var result = registers[0];
        saved.Slice(frame * SavedRegisters, SavedRegisters).CopyTo(registers);
        var returnSlot = (int)registers[0];
        registers[0] = result;
        registers[BpfInstruction.FramePointer] += ExecutionLimits.FrameBytes;
        return returnSlot;
    }

    private ulong CallFunction(ref BpfRun run, int pc, scoped Span<ulong> registers)
    {
        var slot = _bound.Program.Instructions[pc];
        var isByRegister = slot.Opcode == Opcodes.CallRegister;
        var number = isByRegister ? registers[slot.Destination] : (uint)slot.Immediate;
        var function = isByRegister ? _bound.HelperBy(number) : _bound.FunctionAt(pc);
        if (function is not null)
            return function(ref run, registers[1], registers[2], registers[3], registers[4], registers[5]);
        run.Fail(RunFault.UnknownFunction, number);
        return 0;
    }

    private static void Access(ref BpfRun run, BpfInstruction slot, scoped Span<ulong> registers)
    {
        var isLoad = slot.Class == InstructionClass.LoadRegister || slot is { Mode: AccessMode.Atomic, Immediate: (int)AtomicOperation.LoadAcquire };
        var address = registers[isLoad ? slot.Source : slot.Destination] + (ulong)slot.Offset;
        var bytes = slot.AccessBytes;
        if (slot.Mode == AccessMode.Atomic)
        {
            if (!run.IsChecked || run.CheckAtomic(address, (ulong)bytes, isWrite: !isLoad))
                AccessAtomic(slot, address, registers);
            return;
        }
        if (run.IsChecked && !run.Check(address, (ulong)bytes, isWrite: !isLoad))
            return;
        // SAFETY: the access was checked just now, or proved by the verifier.
        if (isLoad)
            registers[slot.Destination] = NativeAccess.Load(address, bytes, slot.Mode == AccessMode.MemorySigned);
        else
            NativeAccess.Store(address, bytes, slot.Class == InstructionClass.Store ? (ulong)slot.Immediate : registers[slot.Source]);
    }

    private static void AccessAtomic(BpfInstruction slot, ulong address, Span<ulong> registers)
    {
        var operation = (AtomicOperation)slot.Immediate;
        switch (operation)
        {
            case AtomicOperation.LoadAcquire:
                registers[slot.Destination] = AtomicAccess.LoadAcquire(address, slot.AccessBytes);
                return;
            case AtomicOperation.StoreRelease:
                AtomicAccess.StoreRelease(address, registers[slot.Source], slot.AccessBytes);
                return;
        }
        var old = slot.Size == AccessSize.DoubleWord
            ? AtomicAccess.Apply64(operation, address, registers[slot.Source], registers[0])
            : AtomicAccess.Apply32(operation, address, registers[slot.Source], registers[0]);
        if (operation == AtomicOperation.CompareExchange)
            registers[0] = old;
        else if ((operation & AtomicOperation.Fetch) != 0)
            registers[slot.Source] = old;
    }
}
