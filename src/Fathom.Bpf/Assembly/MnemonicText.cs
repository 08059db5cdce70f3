using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Assembly;

/// <summary>Instructions as ubpf and bpf_conformance write them.</summary>
internal static class MnemonicText
{
    /// <param name="instruction">Well-formed; no call, no exit.</param>
    /// <param name="wideImmediate">What a 64-bit immediate load loads.</param>
    public static string Format(BpfInstruction instruction, string wideImmediate) => instruction.Class switch
    {
        InstructionClass.Alu32 or InstructionClass.Alu64 => Alu(instruction),
        InstructionClass.Jump32 or InstructionClass.Jump64 => Jump(instruction),
        InstructionClass.Load => $"lddw %r{instruction.Destination}, {wideImmediate}",
        _ => Access(instruction),
    };

    /// <summary>le16 to bswap64; the same word in both syntaxes.</summary>
    public static string ByteSwapName(BpfInstruction instruction)
    {
        var direction = instruction.Class == InstructionClass.Alu64 ? "bswap" : instruction.UsesSourceRegister ? "be" : "le";
        return $"{direction}{instruction.Immediate}";
    }

    private static string Alu(BpfInstruction instruction)
    {
        var isWide = instruction.Class == InstructionClass.Alu64;
        var width = isWide ? "" : "32";
        switch (instruction.AluOperation)
        {
            case AluOperation.ByteSwap:
                return $"{ByteSwapName(instruction)} %r{instruction.Destination}";
            case AluOperation.Negate:
                return $"neg{width} %r{instruction.Destination}";
            case AluOperation.Move when instruction.Offset != 0:
                return $"{Vocabulary.NameOf(Vocabulary.SignedMoves, (isWide, instruction.Offset))} %r{instruction.Destination}, %r{instruction.Source}";
        }
        var stem = Vocabulary.NameOf(Vocabulary.AluMnemonics, new(instruction.AluOperation, instruction.Offset));
        return $"{stem}{width} %r{instruction.Destination}, {Operand(instruction)}";
    }

    private static string Jump(BpfInstruction instruction)
    {
        var distance = Disassembler.Signed(instruction.JumpDistance);
        if (instruction.IsUnconditionalJump)
            return instruction.Opcode == Opcodes.JumpLong ? $"ja32 {distance}" : $"ja {distance}";
        var width = instruction.Class == InstructionClass.Jump64 ? "" : "32";
        return $"{Vocabulary.NameOf(Vocabulary.JumpMnemonics, instruction.JumpOperation)}{width} %r{instruction.Destination}, {Operand(instruction)}, {distance}";
    }

    private static string Access(BpfInstruction instruction)
    {
        var isAtomic = instruction.Mode == AccessMode.Atomic;
        var operation = (AtomicOperation)instruction.Immediate;
        if (isAtomic && operation is not (AtomicOperation.LoadAcquire or AtomicOperation.StoreRelease))
            return Locked(instruction, operation);
        var isLoad = instruction.Class == InstructionClass.LoadRegister || (isAtomic && operation == AtomicOperation.LoadAcquire);
        var form = new Vocabulary.AccessForm(isLoad ? InstructionClass.LoadRegister : instruction.Class, instruction.Mode, instruction.Size);
        var mnemonic = Vocabulary.NameOf(Vocabulary.Accesses, form);
        if (isLoad)
            return $"{mnemonic} %r{instruction.Destination}, {Address(instruction.Source, instruction.Offset)}";
        var value = instruction.Class == InstructionClass.Store ? $"{instruction.Immediate}" : $"%r{instruction.Source}";
        return $"{mnemonic} {Address(instruction.Destination, instruction.Offset)}, {value}";
    }

    private static string Locked(BpfInstruction instruction, AtomicOperation operation)
    {
        var isExchange = operation is AtomicOperation.Exchange or AtomicOperation.CompareExchange;
        var fetch = !isExchange && (operation & AtomicOperation.Fetch) != 0 ? "fetch " : "";
        var stem = Vocabulary.NameOf(Vocabulary.AtomicMnemonics, isExchange ? operation : operation & ~AtomicOperation.Fetch);
        var width = instruction.Size == AccessSize.DoubleWord ? "" : "32";
        return $"lock {fetch}{stem}{width} {Address(instruction.Destination, instruction.Offset)}, %r{instruction.Source}";
    }

    private static string Operand(BpfInstruction instruction) => instruction.UsesSourceRegister ? $"%r{instruction.Source}" : $"{instruction.Immediate}";

    private static string Address(int register, short offset) => offset == 0 ? $"[%r{register}]" : $"[%r{register}{Disassembler.Signed(offset)}]";
}
