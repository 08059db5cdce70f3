using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Assembly;

/// <summary>Instructions as clang writes them.</summary>
internal static class StatementText
{
    /// <param name="instruction">Well-formed; no call, no exit.</param>
    /// <param name="wideImmediate">What a 64-bit immediate load loads.</param>
    public static string Format(BpfInstruction instruction, string wideImmediate) => instruction.Class switch
    {
        InstructionClass.Alu32 or InstructionClass.Alu64 => Alu(instruction),
        InstructionClass.Jump32 or InstructionClass.Jump64 => Jump(instruction),
        InstructionClass.Load => $"r{instruction.Destination} = {wideImmediate} ll",
        _ => Access(instruction),
    };

    private static string Alu(BpfInstruction instruction)
    {
        var letter = instruction.Class == InstructionClass.Alu64 ? 'r' : 'w';
        var destination = $"{letter}{instruction.Destination}";
        switch (instruction.AluOperation)
        {
            case AluOperation.ByteSwap:
                return $"r{instruction.Destination} = {MnemonicText.ByteSwapName(instruction)} r{instruction.Destination}";
            case AluOperation.Negate:
                return $"{destination} = -{destination}";
            case AluOperation.Move when instruction.Offset != 0:
                return $"{destination} = (s{instruction.Offset}){letter}{instruction.Source}";
        }
        var symbol = Vocabulary.NameOf(Vocabulary.AluSymbols, new(instruction.AluOperation, instruction.Offset));
        return $"{destination} {symbol} {Operand(instruction, letter)}";
    }

    private static string Jump(BpfInstruction instruction)
    {
        var distance = Disassembler.Signed(instruction.JumpDistance);
        if (instruction.IsUnconditionalJump)
            return instruction.Opcode == Opcodes.JumpLong ? $"gotol {distance}" : $"goto {distance}";
        var letter = instruction.Class == InstructionClass.Jump64 ? 'r' : 'w';
        var symbol = Vocabulary.NameOf(Vocabulary.JumpSymbols, instruction.JumpOperation);
        return $"if {letter}{instruction.Destination} {symbol} {Operand(instruction, letter)} goto {distance}";
    }

    private static string Access(BpfInstruction instruction)
    {
        var type = Type(instruction.Size, instruction.Mode == AccessMode.MemorySigned);
        if (instruction.Mode == AccessMode.Atomic)
            return Atomic(instruction, type);
        var letter = instruction.Size == AccessSize.DoubleWord || instruction.Class == InstructionClass.LoadRegister ? 'r' : 'w';
        return instruction.Class switch
        {
            InstructionClass.LoadRegister => $"r{instruction.Destination} = *({type} *){Address(instruction.Source, instruction.Offset)}",
            InstructionClass.Store => $"*({type} *){Address(instruction.Destination, instruction.Offset)} = {instruction.Immediate}",
            _ => $"*({type} *){Address(instruction.Destination, instruction.Offset)} = {letter}{instruction.Source}",
        };
    }

    private static string Atomic(BpfInstruction instruction, string type)
    {
        var isWide = instruction.Size == AccessSize.DoubleWord;
        var source = $"{(isWide ? 'r' : 'w')}{instruction.Source}";
        var address = Address(instruction.Destination, instruction.Offset);
        var plainAddress = address[1..^1];
        switch ((AtomicOperation)instruction.Immediate)
        {
            case AtomicOperation.LoadAcquire:
                return $"{(isWide ? 'r' : 'w')}{instruction.Destination} = load_acquire(({type} *){Address(instruction.Source, instruction.Offset)})";
            case AtomicOperation.StoreRelease:
                return $"store_release(({type} *){address}, {source})";
            case AtomicOperation.Exchange:
                return $"{source} = {(isWide ? "xchg_64" : "xchg32_32")}({plainAddress}, {source})";
            case AtomicOperation.CompareExchange:
                return isWide ? $"r0 = cmpxchg_64({plainAddress}, r0, {source})" : $"w0 = cmpxchg32_32({plainAddress}, w0, {source})";
        }
        var operation = (AtomicOperation)instruction.Immediate;
        if ((operation & AtomicOperation.Fetch) != 0)
            return $"{source} = atomic_fetch_{Vocabulary.NameOf(Vocabulary.AtomicMnemonics, operation & ~AtomicOperation.Fetch)}(({type} *){address}, {source})";
        var symbol = operation switch
        {
            AtomicOperation.Add => "+=",
            AtomicOperation.Or => "|=",
            AtomicOperation.And => "&=",
            _ => "^=",
        };
        return $"lock *({type} *){address} {symbol} {source}";
    }

    private static string Operand(BpfInstruction instruction, char letter) =>
        instruction.UsesSourceRegister ? $"{letter}{instruction.Source}" : $"{instruction.Immediate}";

    private static string Type(AccessSize size, bool isSigned) => Vocabulary.NameOf(Vocabulary.MemoryTypes, (size, isSigned));

    private static string Address(int register, short offset) => offset < 0 ? $"(r{register} - {-offset})" : $"(r{register} + {offset})";
}
