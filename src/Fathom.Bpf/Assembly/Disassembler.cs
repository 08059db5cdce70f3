using System.Globalization;
using System.Text;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Assembly;

/// <summary>Programs to text that the <see cref="Assembler"/> reads back to the same slots.</summary>
/// <remarks>A slot that is no instruction becomes <c>.slot</c> and its eight bytes as one number, so any program has a text.</remarks>
public static class Disassembler
{
    /// <summary>The whole program, a line an instruction.</summary>
    public static string Disassemble(BpfProgram program, AssemblySyntax syntax = AssemblySyntax.Statement)
    {
        var text = new StringBuilder();
        for (var i = 0; i < program.Instructions.Length; i += SlotsAt(program, i))
            text.Append(Format(program, i, syntax)).Append('\n');
        return text.ToString();
    }

    /// <summary>Slots of the instruction that begins here: 2 for a whole 64-bit immediate load, else 1.</summary>
    public static int SlotsAt(BpfProgram program, int slot) =>
        program.Instructions[slot].IsWideImmediate && IsInstruction(program, slot) ? 2 : 1;

    /// <summary>One instruction.</summary>
    /// <param name="program">For names and the second slot of a 64-bit immediate.</param>
    /// <param name="slot">Where the instruction begins.</param>
    /// <param name="syntax">How it is written.</param>
    public static string Format(BpfProgram program, int slot, AssemblySyntax syntax = AssemblySyntax.Statement)
    {
        var instruction = program.Instructions[slot];
        if (!IsInstruction(program, slot))
        {
            Span<byte> bytes = stackalloc byte[BpfInstruction.SizeBytes];
            instruction.Write(bytes);
            return string.Create(CultureInfo.InvariantCulture, $".slot 0x{BitConverter.ToUInt64(bytes):x16}");
        }
        if (instruction.IsExit)
            return "exit";
        if (instruction.Opcode == Opcodes.Call)
            return FormatCall(program, instruction);
        if (instruction.Opcode == Opcodes.CallRegister)
            return syntax == AssemblySyntax.Statement ? $"callx r{instruction.Destination}" : $"callx %r{instruction.Destination}";
        var wideImmediate = instruction.IsWideImmediate ? WideImmediate.Format(instruction, program.Instructions[slot + 1]) : "";
        return syntax == AssemblySyntax.Statement ? StatementText.Format(instruction, wideImmediate) : MnemonicText.Format(instruction, wideImmediate);
    }

    /// <summary>A distance or offset with its sign.</summary>
    internal static string Signed(int number) => number >= 0 ? $"+{number}" : $"{number}";

    private static bool IsInstruction(BpfProgram program, int slot) => program.Instructions[slot] is { IsWideImmediate: true } low && (WideImmediateKind)low.Source <= WideImmediateKind.MapValue
        ? slot + 1 < program.Instructions.Length && InstructionRules.IsHighHalf(program.Instructions[slot + 1]) && low.Offset == 0 && low.Destination <= BpfInstruction.FramePointer
        : InstructionRules.SlotProblem(program, slot) is null;

    private static string FormatCall(BpfProgram program, BpfInstruction call) => (CallKind)call.Source switch
    {
        CallKind.Local => $"call pc{Signed(call.Immediate)}",
        CallKind.Kfunc => $"call {program.Kfuncs[call.Immediate]}",
        _ => $"call {call.Immediate}",
    };
}
