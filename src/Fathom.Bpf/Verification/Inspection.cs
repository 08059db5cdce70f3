using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Verification;

/// <summary>The path being walked, and what all checks share: the program, its limits, and the reason of a refusal.</summary>
/// <remarks>A check returns false when it refused; the reason then stands here and the walk ends.</remarks>
internal sealed class Inspection
{
    /// <summary>Offsets beyond this are refused before any arithmetic on them could overflow.</summary>
    public const int OffsetMax = 1 << 29;

    private int _links;
    private readonly int[] _stackBytes;

    public Inspection(BpfProgram program, ProgramType type, VerifierLimits limits)
    {
        Program = program;
        Type = type;
        Limits = limits;
        State = new MachineState();
        _stackBytes = new int[program.SubprogramEntries.Length];
    }

    public BpfProgram Program { get; }

    public ProgramType Type { get; }

    public VerifierLimits Limits { get; }

    public MachineState State { get; set; }

    public int Index => State.Instruction;

    public RejectionReason Reason { get; private set; }

    public string? Message { get; private set; }

    public ReadOnlySpan<int> StackBytes => _stackBytes;

    public bool Refuse(RejectionReason reason, string message)
    {
        Reason = reason;
        Message = message;
        return false;
    }

    public int NewLink() => ++_links;

    public ref RegisterState Register(int register) => ref State.Current.Registers[register];

    public bool Read(int register)
    {
        if (Register(register).Kind == ValueKind.Uninitialised)
            return Refuse(RejectionReason.UninitialisedRegister, $"R{register} !read_ok: nothing was written to it");
        State.MarkRead(State.CurrentIndex, register);
        return true;
    }

    public void Write(int register, in RegisterState value)
    {
        Register(register) = value;
        State.Current.WrittenRegisters |= 1U << register;
    }

    public void NeedStack(int subprogram, int bytes) => _stackBytes[subprogram] = Math.Max(_stackBytes[subprogram], (bytes + 7) & ~7);

    public static string Signed(long value) => value < 0 ? value.ToString(System.Globalization.CultureInfo.InvariantCulture) : $"+{value}";
}
