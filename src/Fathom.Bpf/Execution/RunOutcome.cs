using System.Globalization;

namespace Fathom.Bpf.Execution;

/// <summary>How a run ended.</summary>
/// <param name="Result">R0; 0 after a fault.</param>
/// <param name="Fault">None when the program returned.</param>
/// <param name="Instruction">After a fault the slot that caused it, else -1.</param>
/// <param name="Address">After a fault in memory the address, after one in a call the function's number or argument, else 0.</param>
public readonly record struct RunOutcome(ulong Result, RunFault Fault, int Instruction, ulong Address)
{
    /// <summary>The program returned.</summary>
    public bool IsReturn => Fault == RunFault.None;

    /// <summary>One line: the result in hexadecimal, or what went wrong and where.</summary>
    public override string ToString() => Fault switch
    {
        RunFault.None => string.Create(CultureInfo.InvariantCulture, $"returned 0x{Result:x}"),
        RunFault.OutOfFuel => $"instruction {Instruction}: out of fuel",
        RunFault.MemoryOutOfBounds => $"instruction {Instruction}: access at 0x{Address:x} is outside of the program's memory",
        RunFault.MisalignedAtomic => $"instruction {Instruction}: atomic access at 0x{Address:x} is misaligned",
        RunFault.CallTooDeep => $"instruction {Instruction}: calls are nested too deeply",
        RunFault.UnknownFunction => $"instruction {Instruction}: function {Address} does not exist",
        _ => $"instruction {Instruction}: argument 0x{Address:x} is not what the function takes",
    };
}
