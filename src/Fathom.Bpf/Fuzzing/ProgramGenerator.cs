using Fathom.Bpf.Execution;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Fuzzing;

/// <summary>
/// Random storage functions over data, scratch, stack and context that a verifier should mostly accept, and the same with slots
/// changed at random that it should mostly refuse.
/// </summary>
/// <remarks>
/// R6 holds the context, R7 data, R8 scratch, R9 loop counters; R0 to R5 numbers. A program is a list of units that each leave all of
/// them set, and jumps go to the beginnings of units only.
/// </remarks>
internal sealed class ProgramGenerator
{
    private const int Context = 6;
    private const int Data = 7;
    private const int Scratch = 8;
    private const int Counter = 9;
    private const int StackBytes = 64;

    private static readonly AluOperation[] AluOperations = Enum.GetValues<AluOperation>();
    private static readonly JumpOperation[] Comparisons =
        [.. Enum.GetValues<JumpOperation>().Where(operation => operation is not (JumpOperation.Always or JumpOperation.Call or JumpOperation.Exit))];
    private static readonly AtomicOperation[] Atomics =
    [
        AtomicOperation.Add, AtomicOperation.Or, AtomicOperation.And, AtomicOperation.Xor, AtomicOperation.Add | AtomicOperation.Fetch,
        AtomicOperation.Or | AtomicOperation.Fetch, AtomicOperation.And | AtomicOperation.Fetch, AtomicOperation.Xor | AtomicOperation.Fetch,
        AtomicOperation.Exchange, AtomicOperation.CompareExchange,
    ];
    private static readonly AccessSize[] Sizes = Enum.GetValues<AccessSize>();

    private readonly RandomBits _random;
    private readonly List<BpfInstruction> _slots = [];
    private readonly List<int> _calls = [];
    private int _dataBytes;
    private int _scratchBytes;

    public ProgramGenerator(RandomBits random) => _random = random;

    /// <summary>A program whose every access and jump is right.</summary>
    /// <param name="dataBytes">Data that it may read.</param>
    /// <param name="scratchBytes">Scratch that it may use.</param>
    public BpfProgram Next(int dataBytes, int scratchBytes)
    {
        _slots.Clear();
        _calls.Clear();
        (_dataBytes, _scratchBytes) = (dataBytes, scratchBytes);
        EmitPrologue();
        EmitUnits(2 + _random.Below(14), depth: 0);
        for (var register = 1; register <= 5; register++)
            _slots.Add(Encode.AluRegister(_random.OneIn(2) ? AluOperation.Xor : AluOperation.Add, 0, register));
        _slots.Add(Encode.Exit());
        EmitSubprograms();
        return new BpfProgram("fuzz", [.. _slots], [], [StandardFunctions.DataKfunc, StandardFunctions.ScratchKfunc]);
    }

    /// <summary>The program with one to three slots changed: a field, or all of it.</summary>
    public BpfProgram Mutate(BpfProgram program)
    {
        var slots = program.Instructions.ToArray();
        for (var changes = 1 + _random.Below(3); changes > 0; changes--)
        {
            ref var slot = ref slots[_random.Below(slots.Length)];
            slot = _random.Below(6) switch
            {
                0 => new((byte)_random.Next(), slot.Destination, slot.Source, slot.Offset, slot.Immediate),
                1 => new(slot.Opcode, _random.Below(12), slot.Source, slot.Offset, slot.Immediate),
                2 => new(slot.Opcode, slot.Destination, _random.Below(12), slot.Offset, slot.Immediate),
                3 => new(slot.Opcode, slot.Destination, slot.Source, (short)_random.Immediate(), slot.Immediate),
                4 => new(slot.Opcode, slot.Destination, slot.Source, slot.Offset, _random.Immediate()),
                _ => slots[_random.Below(slots.Length)],
            };
        }
        return new BpfProgram(program.Name, [.. slots], program.Maps, program.Kfuncs);
    }

    private int Number() => _random.Below(6);

    private void EmitPrologue()
    {
        _slots.Add(Encode.MoveRegister(Context, 1));
        EmitMemory(0, _dataBytes, Data);
        EmitMemory(1, _scratchBytes, Scratch);
        for (var register = 0; register <= 5; register++)
        {
            if (_random.OneIn(3))
                Add(Encode.LoadWide(register, _random.Next()));
            else
                _slots.Add(Encode.Move(register, _random.Immediate()));
        }
        _slots.Add(Encode.Move(Counter, 0));
        for (var offset = 8; offset <= StackBytes; offset += 8)
            _slots.Add(Encode.StoreImmediate(AccessSize.DoubleWord, BpfInstruction.FramePointer, (short)-offset, _random.Immediate()));
    }

    /// <summary>register = kfunc(context, 0, bytes); leave with 0 when it gives nothing.</summary>
    private void EmitMemory(int kfunc, int bytes, int register)
    {
        _slots.Add(Encode.MoveRegister(1, Context));
        _slots.Add(Encode.Move(2, 0));
        _slots.Add(Encode.Move(3, bytes));
        _slots.Add(Encode.Call(CallKind.Kfunc, kfunc));
        _slots.Add(Encode.Compare(JumpOperation.NotEqual, 0, 0, 2));
        _slots.Add(Encode.Move(0, 0));
        _slots.Add(Encode.Exit());
        _slots.Add(Encode.MoveRegister(register, 0));
    }

    private void EmitUnits(int count, int depth)
    {
        var starts = new List<int>();
        var jumps = new List<(int Slot, int Unit)>();
        for (var unit = 0; unit < count; unit++)
        {
            starts.Add(_slots.Count);
            switch (_random.Below(16))
            {
                case < 7:
                    EmitAlu();
                    break;
                case 7 or 8:
                    EmitLoad();
                    break;
                case 9:
                    EmitStore();
                    break;
                case 10:
                    EmitAtomic();
                    break;
                case 11 or 12:
                    jumps.Add((_slots.Count, unit + 1 + _random.Below(4)));
                    EmitCompare();
                    break;
                case 13 when depth == 0:
                    EmitLoop();
                    break;
                case 14 when _calls.Count < 4:
                    EmitCall();
                    break;
                default:
                    EmitIndexed();
                    break;
            }
        }
        starts.Add(_slots.Count);
        foreach (var (slot, unit) in jumps)
        {
            var jump = _slots[slot];
            var distance = starts[Math.Min(unit, count)] - slot - 1;
            _slots[slot] = jump.Opcode == Opcodes.JumpLong
                ? Encode.JumpLong(distance)
                : new BpfInstruction(jump.Opcode, jump.Destination, jump.Source, (short)distance, jump.Immediate);
        }
    }

    private void EmitAlu()
    {
        var operation = _random.Pick<AluOperation>(AluOperations);
        var (destination, source) = (Number(), Number());
        var wide = _random.OneIn(2);
        switch (operation)
        {
            case AluOperation.ByteSwap:
                var bits = _random.Pick([16, 32, 64]);
                _slots.Add(_random.Below(3) switch
                {
                    0 => Encode.ByteSwap(destination, bits),
                    1 => Encode.ToBigEndian(destination, bits),
                    _ => Encode.ToLittleEndian(destination, bits),
                });
                return;
            case AluOperation.Negate:
                _slots.Add(Encode.Alu(operation, destination, 0, wide));
                return;
        }
        short variant = operation switch
        {
            AluOperation.Divide or AluOperation.Modulo => (short)_random.Below(2),
            AluOperation.Move => _random.Pick<short>(wide ? [0, 8, 16, 32] : [0, 8, 16]),
            _ => 0,
        };
        if (_random.OneIn(2))
        {
            _slots.Add(Encode.AluRegister(operation, destination, source, wide, variant));
            return;
        }
        var immediate = operation switch
        {
            AluOperation.ShiftLeft or AluOperation.ShiftRight or AluOperation.ShiftRightSigned => _random.Below(wide ? 64 : 32),
            AluOperation.Divide or AluOperation.Modulo => _random.Immediate() | 1,
            _ => _random.Immediate(),
        };
        _slots.Add(new BpfInstruction(Opcodes.Alu(operation, wide, register: false), destination, 0, operation == AluOperation.Move ? (short)0 : variant, immediate));
    }

    private void EmitLoad()
    {
        var size = _random.Pick<AccessSize>(Sizes);
        var signed = size != AccessSize.DoubleWord && _random.OneIn(2);
        var bytes = Encode.Load(size, 0, 0, 0).AccessBytes;
        var (register, offset) = _random.Below(3) switch
        {
            0 => (Data, _random.Below(_dataBytes - bytes + 1)),
            1 => (Scratch, _random.Below(_scratchBytes - bytes + 1)),
            _ => (BpfInstruction.FramePointer, -bytes * (1 + _random.Below(StackBytes / bytes))),
        };
        _slots.Add(Encode.Load(size, Number(), register, (short)offset, signed));
    }

    private void EmitStore()
    {
        var size = _random.Pick<AccessSize>(Sizes);
        var bytes = Encode.Load(size, 0, 0, 0).AccessBytes;
        var (register, offset) = _random.Below(3) switch
        {
            0 => (BpfInstruction.FramePointer, -bytes * (1 + _random.Below(StackBytes / bytes))),
            1 => (Scratch, _random.Below(_scratchBytes - bytes + 1)),
            _ => (Context, 8 * _random.Below(16)),
        };
        if (register == Context)
            size = AccessSize.DoubleWord;
        _slots.Add(_random.OneIn(2)
            ? Encode.Store(size, register, (short)offset, Number())
            : Encode.StoreImmediate(size, register, (short)offset, _random.Immediate()));
    }

    private void EmitAtomic()
    {
        var size = _random.Pick([AccessSize.Word, AccessSize.DoubleWord]);
        var bytes = size == AccessSize.Word ? 4 : 8;
        var (register, offset) = _random.OneIn(2)
            ? (BpfInstruction.FramePointer, -bytes * (1 + _random.Below(StackBytes / bytes)))
            : (Scratch, bytes * _random.Below(_scratchBytes / bytes));
        _slots.Add(Encode.Atomic(_random.Pick<AtomicOperation>(Atomics), size, register, (short)offset, Number()));
    }

    private void EmitCompare()
    {
        if (_random.OneIn(8))
        {
            _slots.Add(_random.OneIn(2) ? Encode.Jump(0) : Encode.JumpLong(0));
            return;
        }
        var operation = _random.Pick<JumpOperation>(Comparisons);
        var wide = _random.OneIn(2);
        _slots.Add(_random.OneIn(2)
            ? Encode.CompareRegister(operation, Number(), Number(), 0, wide)
            : Encode.Compare(operation, Number(), _random.Immediate(), 0, wide));
    }

    /// <summary>A load or store at an index that is masked into the memory.</summary>
    private void EmitIndexed()
    {
        var (index, pointer) = (1 + _random.Below(2), 3 + _random.Below(2));
        var mask = (_random.OneIn(2) ? _dataBytes : _scratchBytes) / 2 - 1;
        var isData = mask == (_dataBytes / 2) - 1;
        _slots.Add(Encode.Alu(AluOperation.And, index, mask));
        _slots.Add(Encode.MoveRegister(pointer, isData ? Data : Scratch));
        _slots.Add(Encode.AluRegister(AluOperation.Add, pointer, index));
        var size = _random.Pick<AccessSize>(Sizes);
        if (!isData && _random.OneIn(2))
            _slots.Add(Encode.Store(size, pointer, (short)_random.Below(8), 5));
        else
            _slots.Add(Encode.Load(size, 0, pointer, (short)_random.Below(8)));
        _slots.Add(Encode.Move(pointer, _random.Immediate()));
    }

    private void EmitLoop()
    {
        _slots.Add(Encode.Move(Counter, 1 + _random.Below(4)));
        var start = _slots.Count;
        EmitUnits(1 + _random.Below(4), depth: 1);
        _slots.Add(Encode.Alu(AluOperation.Subtract, Counter, 1));
        _slots.Add(Encode.Compare(JumpOperation.NotEqual, Counter, 0, (short)(start - _slots.Count - 1)));
    }

    private void EmitCall()
    {
        _calls.Add(_slots.Count);
        _slots.Add(Encode.Call(CallKind.Local, 0));
        for (var register = 1; register <= 5; register++)
            _slots.Add(Encode.Move(register, _random.Immediate()));
    }

    private void EmitSubprograms()
    {
        foreach (var call in _calls.ToArray())
        {
            _slots[call] = Encode.Call(CallKind.Local, _slots.Count - call - 1);
            _slots.Add(Encode.MoveRegister(0, 1));
            for (var count = 1 + _random.Below(6); count > 0; count--)
                EmitAlu();
            _slots.Add(Encode.Exit());
        }
    }

    private void Add((BpfInstruction Low, BpfInstruction High) wide)
    {
        _slots.Add(wide.Low);
        _slots.Add(wide.High);
    }
}
