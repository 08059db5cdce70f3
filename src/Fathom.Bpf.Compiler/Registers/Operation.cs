using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Compiler.Registers;

/// <summary>What an operation of the intermediate code does.</summary>
internal enum OperationKind
{
    /// <summary>Target = Target op Source, or a move.</summary>
    Alu,

    /// <summary>Target = 64-bit constant.</summary>
    Constant,

    /// <summary>Target = *(Source + offset).</summary>
    Load,

    /// <summary>*(Target + offset) = Source or immediate.</summary>
    Store,

    /// <summary>Target = frame pointer + offset.</summary>
    FrameAddress,

    /// <summary>Goes to a label if Target op Source.</summary>
    Branch,

    /// <summary>Goes to a label.</summary>
    Goto,

    /// <summary>Nothing but a place.</summary>
    Label,

    /// <summary>Target = function(arguments).</summary>
    Call,

    /// <summary>Ends the subprogram with Source or a constant.</summary>
    Return,
}

/// <summary>An argument: a virtual register, or a constant.</summary>
/// <param name="Register">Negative for a constant.</param>
/// <param name="Value">The constant.</param>
internal readonly record struct Operand(int Register, long Value)
{
    public bool IsConstant => Register < 0;

    public static Operand Of(int register) => new(register, 0);

    public static Operand Constant(long value) => new(-1, value);
}

/// <summary>An instruction over virtual registers: the slot it will be, whose register fields are filled in later.</summary>
internal sealed record Operation(OperationKind Kind)
{
    public const int None = -1;

    /// <summary>Stands for R10 where an address is wanted.</summary>
    public const int Frame = -2;

    public BpfInstruction Slot { get; init; }

    public int Target { get; init; } = None;

    public int Source { get; init; } = None;

    /// <summary>The operation needs the target's old value.</summary>
    public bool ReadsTarget { get; init; }

    /// <summary>The operation sets the target.</summary>
    public bool WritesTarget { get; init; }

    public int Label { get; init; } = None;

    /// <summary>Of a call; of a return the value, or nothing.</summary>
    public IReadOnlyList<Operand> Arguments { get; init; } = [];

    /// <summary>Of a call: what to call; of <see cref="OperationKind.Constant"/>: the value.</summary>
    public long Value { get; init; }

    public CallKind CallKind { get; init; }

    /// <summary>Index of the source line.</summary>
    public int Line { get; init; }

    public bool IsMove => Kind == OperationKind.Alu && Source >= 0 && Slot.AluOperation == AluOperation.Move && Slot.Class == InstructionClass.Alu64 && Slot.Offset == 0;

    public IEnumerable<int> Reads
    {
        get
        {
            if (ReadsTarget && Target >= 0)
                yield return Target;
            if (Source >= 0)
                yield return Source;
            foreach (var argument in Arguments)
                if (!argument.IsConstant)
                    yield return argument.Register;
        }
    }

    public int Writes => WritesTarget ? Target : None;
}
