using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Verification;

/// <summary>Walks every path of a program that no explored state covers, depth first.</summary>
/// <remarks>One walk; not thread-safe. Owned by <see cref="Verifier"/>.</remarks>
internal sealed class PathExplorer
{
    private readonly Inspection _inspection;
    private readonly ControlFlow _flow;
    private readonly ArithmeticChecks _arithmetic;
    private readonly BranchChecks _branches;
    private readonly MemoryChecks _memory;
    private readonly CallChecks _calls;
    private readonly CheckpointStore _checkpoints;
    private readonly Stack<MachineState> _pending = new();
    private readonly bool[] _reached;
    private int _processed;
    private int _jumps;
    private int _pruned;

    public PathExplorer(Inspection inspection, ControlFlow flow)
    {
        _inspection = inspection;
        _flow = flow;
        var stack = new StackChecks(inspection);
        var context = new ContextChecks(inspection);
        _arithmetic = new ArithmeticChecks(inspection);
        _branches = new BranchChecks(inspection);
        _memory = new MemoryChecks(inspection, stack, context);
        _calls = new CallChecks(inspection, flow, _memory, stack, context);
        _checkpoints = new CheckpointStore(inspection.Program.Instructions.Length);
        _reached = new bool[inspection.Program.Instructions.Length];
    }

    private enum StepOutcome
    {
        GoOn,
        PathEnds,
        Refused,
    }

    public VerifierEffort Effort => new(_processed, _pruned, _checkpoints.Kept);

    public ReadOnlySpan<bool> Reached => _reached;

    /// <returns>False when an instruction was refused; the inspection says why.</returns>
    public bool Walk()
    {
        Begin();
        do
        {
            if (!WalkPath())
                return false;
            CheckpointStore.EndPath(_inspection.State);
        }
        while (NextPath());
        return true;
    }

    private bool NextPath()
    {
        if (!_pending.TryPop(out var state))
            return false;
        _inspection.State = state;
        return true;
    }

    private void Begin()
    {
        var frame = new StackFrame(0, -1, 0);
        frame.Registers[BpfInstruction.FramePointer] = RegisterState.Pointer(ValueKind.Stack);
        var layout = _inspection.Type.Context;
        if (layout.IsRawMemory)
        {
            frame.Registers[1] = RegisterState.Pointer(ValueKind.Memory);
            frame.Registers[1].ExtentBytes = layout.Bytes;
            frame.Registers[1].IsReadOnly = !layout.IsWritable;
        }
        else if (layout.Bytes > 0)
        {
            frame.Registers[1] = RegisterState.Pointer(ValueKind.Context);
        }
        _inspection.State.Frames.Add(frame);
    }

    private bool WalkPath()
    {
        while (true)
        {
            var state = _inspection.State;
            if (++_processed > _inspection.Limits.InstructionsMax)
                return _inspection.Refuse(RejectionReason.TooComplex, $"BPF program is too large. Processed {_processed - 1} insn");
            if (_flow.PathsMeetAt(state.Instruction))
            {
                switch (_checkpoints.Meet(state, _processed, _jumps))
                {
                    case MeetingOutcome.Covered:
                        _pruned++;
                        return true;
                    case MeetingOutcome.Loops:
                        return _inspection.Refuse(RejectionReason.InfiniteLoop, $"infinite loop detected at insn {state.Instruction}");
                }
            }
            _reached[state.Instruction] = true;
            var outcome = Step(_inspection.Program.Instructions[state.Instruction]);
            if (outcome != StepOutcome.GoOn)
                return outcome == StepOutcome.PathEnds;
        }
    }

    private StepOutcome Step(BpfInstruction instruction)
    {
        switch (instruction.Class)
        {
            case InstructionClass.Alu32 or InstructionClass.Alu64:
                return Next(_arithmetic.Check(instruction));
            case InstructionClass.Load:
                return Next(CheckWideImmediate(instruction), slots: 2);
            case InstructionClass.LoadRegister:
                return Next(_memory.CheckLoad(instruction));
            case InstructionClass.Store or InstructionClass.StoreRegister:
                return Next(instruction.Mode == AccessMode.Atomic ? _memory.CheckAtomic(instruction) : _memory.CheckStore(instruction));
            default:
                return StepJump(instruction);
        }
    }

    private StepOutcome StepJump(BpfInstruction instruction)
    {
        _jumps++;
        var state = _inspection.State;
        if (instruction.IsExit)
        {
            if (state.Frames.Count == 1)
                return _calls.CheckEnd() ? StepOutcome.PathEnds : StepOutcome.Refused;
            return _calls.CheckReturn() ? StepOutcome.GoOn : StepOutcome.Refused;
        }
        if (instruction.IsLocalCall)
            return _calls.CheckSubprogram(instruction) ? StepOutcome.GoOn : StepOutcome.Refused;
        if (!instruction.IsJump)
        {
            return instruction.Opcode == Opcodes.Call
                ? Next(_calls.CheckFunction(instruction))
                : Next(_inspection.Refuse(RejectionReason.UnknownFunction, $"unknown opcode {instruction.Opcode:x2}: calls through a register are not supported"));
        }
        var target = state.Instruction + 1 + instruction.JumpDistance;
        if (instruction.IsUnconditionalJump)
        {
            state.Instruction = target;
            return StepOutcome.GoOn;
        }
        switch (_branches.Check(instruction, out var taken))
        {
            case BranchOutcome.Taken:
                state.Instruction = target;
                return StepOutcome.GoOn;
            case BranchOutcome.NotTaken:
                return Next(true);
            case BranchOutcome.Both:
                return Fork(taken!, target);
            case BranchOutcome.Neither:
                return StepOutcome.PathEnds;
            default:
                return StepOutcome.Refused;
        }
    }

    private StepOutcome Fork(MachineState taken, int target)
    {
        if (_pending.Count >= _inspection.Limits.PendingBranchesMax)
            return Next(_inspection.Refuse(RejectionReason.TooComplex, $"The sequence of {_pending.Count} jumps is too complex"));
        taken.Instruction = target;
        if (taken.Parent is { } parent)
            parent.Branches++;
        _pending.Push(taken);
        return Next(true);
    }

    private StepOutcome Next(bool accepted, int slots = 1)
    {
        if (!accepted)
            return StepOutcome.Refused;
        _inspection.State.Instruction += slots;
        return StepOutcome.GoOn;
    }

    private bool CheckWideImmediate(BpfInstruction instruction)
    {
        var high = _inspection.Program.Instructions[_inspection.Index + 1].Immediate;
        var kind = (WideImmediateKind)instruction.Source;
        if (kind == WideImmediateKind.Constant)
        {
            _inspection.Write(instruction.Destination, RegisterState.OfConstant((uint)instruction.Immediate | ((ulong)(uint)high << 32)));
            return true;
        }
        if (kind is not (WideImmediateKind.Map or WideImmediateKind.MapValue))
            return _inspection.Refuse(RejectionReason.InvalidInstruction, $"64-bit immediate of kind {kind} is not supported");
        var maps = _inspection.Program.Maps;
        if ((uint)instruction.Immediate >= (uint)maps.Length)
            return _inspection.Refuse(RejectionReason.InvalidMap, $"map {instruction.Immediate} of {maps.Length} is not there");
        var map = maps[instruction.Immediate];
        var value = RegisterState.Pointer(kind == WideImmediateKind.Map ? ValueKind.Map : ValueKind.MapValue);
        value.MapIndex = instruction.Immediate;
        if (kind == WideImmediateKind.MapValue)
        {
            if (map.Kind != Maps.MapKind.Array || map.EntriesMax != 1 || (uint)high >= (uint)map.ValueBytes)
                return _inspection.Refuse(RejectionReason.InvalidMap, $"direct value offset of {high} in map {map.Name} is not allowed");
            value.Offset = high;
        }
        _inspection.Write(instruction.Destination, value);
        return true;
    }
}
