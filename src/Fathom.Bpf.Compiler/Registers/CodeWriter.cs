using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Compiler.Registers;

/// <summary>Operations with their places to slots.</summary>
internal sealed class CodeWriter
{
    private const int Result = 0;
    private const int Spare = 5;

    private readonly Subprogram _subprogram;
    private readonly Allocation _places;
    private readonly List<BpfInstruction> _slots = [];
    private readonly List<SourceLine> _lines = [];
    private readonly Dictionary<int, int> _labels = [];
    private readonly List<(int Slot, int Label)> _jumps = [];
    private readonly List<(int Slot, int Subprogram)> _calls = [];

    private CodeWriter(Subprogram subprogram)
    {
        _subprogram = subprogram;
        _places = new Allocation(subprogram);
    }

    /// <param name="Slots">The subprogram; calls of others have their index as immediate.</param>
    /// <param name="Calls">Slots that call other subprograms.</param>
    /// <param name="Lines">Source lines, first slots counted from the subprogram's.</param>
    /// <param name="FrameBytes">Stack.</param>
    public readonly record struct Code(List<BpfInstruction> Slots, List<(int Slot, int Subprogram)> Calls, List<SourceLine> Lines, int FrameBytes);

    public static Code Write(Subprogram subprogram)
    {
        var writer = new CodeWriter(subprogram with { Operations = DeadOperations.Remove(subprogram.Operations, subprogram.RegisterCount) });
        writer.Write();
        return new Code(writer._slots, writer._calls, writer._lines, writer._places.FrameBytes);
    }

    private void Write()
    {
        Move([.. _subprogram.Parameters.Select((parameter, i) => (PlaceOf(parameter), Place.Register(i + 1)))]);
        var line = -1;
        foreach (var operation in _subprogram.Operations)
        {
            if (operation.Line != line && _subprogram.Lines.Count > 0)
            {
                line = operation.Line;
                _lines.Add(_subprogram.Lines[line] with { FirstInstruction = _slots.Count });
            }
            Write(operation);
        }
        foreach (var (slot, label) in _jumps)
        {
            var jump = _slots[slot];
            _slots[slot] = new BpfInstruction(jump.Opcode, jump.Destination, jump.Source, checked((short)(_labels[label] - slot - 1)), jump.Immediate);
        }
    }

    private void Write(Operation operation)
    {
        switch (operation.Kind)
        {
            case OperationKind.Label:
                _labels[operation.Label] = _slots.Count;
                break;
            case OperationKind.Goto:
                _jumps.Add((_slots.Count, operation.Label));
                _slots.Add(Encode.Jump(0));
                break;
            case OperationKind.Branch:
                var (left, right) = (Fetch(operation.Target, Result), operation.Source == Operation.None ? 0 : Fetch(operation.Source, Spare));
                _jumps.Add((_slots.Count, operation.Label));
                _slots.Add(WithRegisters(operation.Slot, left, right));
                break;
            case OperationKind.Return:
                if (operation.Arguments.Count > 0)
                    Move([(Place.Register(Result), PlaceOf(operation.Arguments[0]))]);
                _slots.Add(Encode.Exit());
                break;
            case OperationKind.Call:
                WriteCall(operation);
                break;
            case OperationKind.Store:
                var address = Fetch(operation.Target, Result);
                _slots.Add(WithRegisters(operation.Slot, address, operation.Source == Operation.None ? 0 : Fetch(operation.Source, Spare)));
                break;
            default:
                WriteValue(operation);
                break;
        }
    }

    private void WriteValue(Operation operation)
    {
        var inFrame = _places.RegisterOf(operation.Target) == 0;
        var target = inFrame ? Result : _places.RegisterOf(operation.Target);
        if (operation.IsMove && !inFrame && operation.Source >= 0 && _places.RegisterOf(operation.Source) == target)
            return;
        if (inFrame && operation.ReadsTarget)
            Fetch(operation.Target, Result);
        switch (operation.Kind)
        {
            case OperationKind.Constant:
                Load(target, operation.Value);
                break;
            case OperationKind.FrameAddress:
                _slots.Add(Encode.MoveRegister(target, BpfInstruction.FramePointer));
                _slots.Add(Encode.Alu(AluOperation.Add, target, (int)operation.Value));
                break;
            default:
                _slots.Add(WithRegisters(operation.Slot, target, operation.Source == Operation.None ? 0 : Fetch(operation.Source, Spare)));
                break;
        }
        if (inFrame)
            _slots.Add(Encode.Store(AccessSize.DoubleWord, BpfInstruction.FramePointer, _places.FrameOffsetOf(operation.Target), Result));
    }

    private void WriteCall(Operation operation)
    {
        Move([.. operation.Arguments.Select((argument, i) => (Place.Register(i + 1), PlaceOf(argument)))]);
        if (operation.CallKind == CallKind.Local)
            _calls.Add((_slots.Count, (int)operation.Value));
        _slots.Add(Encode.Call(operation.CallKind, (int)operation.Value));
        if (operation.Writes >= 0)
            Move([(PlaceOf(operation.Target), Place.Register(Result))]);
    }

    /// <summary>The register that holds a value; one in the frame is loaded into <paramref name="spare"/>.</summary>
    private int Fetch(int register, int spare)
    {
        if (register == Operation.Frame)
            return BpfInstruction.FramePointer;
        var place = _places.RegisterOf(register);
        if (place != 0)
            return place;
        _slots.Add(Encode.Load(AccessSize.DoubleWord, spare, BpfInstruction.FramePointer, _places.FrameOffsetOf(register)));
        return spare;
    }

    private void Load(int register, long value)
    {
        if (value is >= int.MinValue and <= int.MaxValue)
        {
            _slots.Add(Encode.Move(register, (int)value));
            return;
        }
        var (low, high) = Encode.LoadWide(register, (ulong)value);
        _slots.Add(low);
        _slots.Add(high);
    }

    /// <summary>All moves at once: no source is lost before it is read.</summary>
    private void Move(List<(Place Target, Place Source)> moves)
    {
        moves.RemoveAll(move => move.Target == move.Source);
        foreach (var (target, source) in moves.Where(move => move.Target.Kind == PlaceKind.Frame))
        {
            // A frame place is target of parameters and results only, and those come from registers.
            _slots.Add(Encode.Store(AccessSize.DoubleWord, BpfInstruction.FramePointer, (short)target.Value, (int)source.Value));
        }
        var registers = moves.Where(move => move.Target.Kind == PlaceKind.Register && move.Source.Kind == PlaceKind.Register).ToList();
        while (registers.Count > 0)
        {
            var free = registers.FindIndex(move => !registers.Any(other => other.Source == move.Target));
            if (free >= 0)
            {
                _slots.Add(Encode.MoveRegister((int)registers[free].Target.Value, (int)registers[free].Source.Value));
                registers.RemoveAt(free);
                continue;
            }
            // Only cycles are left: one value steps aside.
            var blocked = registers[0].Target;
            _slots.Add(Encode.MoveRegister(Result, (int)blocked.Value));
            for (var i = 0; i < registers.Count; i++)
                if (registers[i].Source == blocked)
                    registers[i] = (registers[i].Target, Place.Register(Result));
        }
        foreach (var (target, source) in moves.Where(move => move.Target.Kind == PlaceKind.Register && move.Source.Kind != PlaceKind.Register))
        {
            if (source.Kind == PlaceKind.Constant)
                Load((int)target.Value, source.Value);
            else
                _slots.Add(Encode.Load(AccessSize.DoubleWord, (int)target.Value, BpfInstruction.FramePointer, (short)source.Value));
        }
    }

    private static BpfInstruction WithRegisters(BpfInstruction slot, int target, int source) => new(slot.Opcode, target, source, slot.Offset, slot.Immediate);

    private Place PlaceOf(Operand operand) => operand.IsConstant ? new Place(PlaceKind.Constant, operand.Value) : PlaceOf(operand.Register);

    private Place PlaceOf(int register) => _places.RegisterOf(register) is var place and not 0
        ? Place.Register(place)
        : new Place(PlaceKind.Frame, _places.FrameOffsetOf(register));
}

/// <summary>Kinds of places.</summary>
internal enum PlaceKind
{
    /// <summary>R0 to R9.</summary>
    Register,

    /// <summary>Offset from R10.</summary>
    Frame,

    /// <summary>No place: a value.</summary>
    Constant,
}

/// <summary>Where a value is, or the value.</summary>
internal readonly record struct Place(PlaceKind Kind, long Value)
{
    public static Place Register(int register) => new(PlaceKind.Register, register);
}
