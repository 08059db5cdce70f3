using System.Collections.Frozen;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Assembly;

/// <summary>The words and symbols of both syntaxes, each standing for part of an instruction; read in both directions.</summary>
internal static class Vocabulary
{
    /// <summary>An arithmetic operation and its variant.</summary>
    public readonly record struct AluVariant(AluOperation Operation, short Offset = 0);

    /// <summary>What a load or store mnemonic says. Acquire and release are atomic loads and stores.</summary>
    public readonly record struct AccessForm(InstructionClass Class, AccessMode Mode, AccessSize Size);

    public static readonly FrozenDictionary<string, AluVariant> AluMnemonics = new Dictionary<string, AluVariant>
    {
        ["add"] = new(AluOperation.Add),
        ["sub"] = new(AluOperation.Subtract),
        ["mul"] = new(AluOperation.Multiply),
        ["div"] = new(AluOperation.Divide),
        ["sdiv"] = new(AluOperation.Divide, 1),
        ["or"] = new(AluOperation.Or),
        ["and"] = new(AluOperation.And),
        ["lsh"] = new(AluOperation.ShiftLeft),
        ["rsh"] = new(AluOperation.ShiftRight),
        ["arsh"] = new(AluOperation.ShiftRightSigned),
        ["neg"] = new(AluOperation.Negate),
        ["mod"] = new(AluOperation.Modulo),
        ["smod"] = new(AluOperation.Modulo, 1),
        ["xor"] = new(AluOperation.Xor),
        ["mov"] = new(AluOperation.Move),
    }.ToFrozenDictionary();

    /// <summary>The compound assignments of the statement syntax; negation and byte swaps have forms of their own.</summary>
    public static readonly FrozenDictionary<string, AluVariant> AluSymbols = new Dictionary<string, AluVariant>
    {
        ["+="] = new(AluOperation.Add),
        ["-="] = new(AluOperation.Subtract),
        ["*="] = new(AluOperation.Multiply),
        ["/="] = new(AluOperation.Divide),
        ["s/="] = new(AluOperation.Divide, 1),
        ["|="] = new(AluOperation.Or),
        ["&="] = new(AluOperation.And),
        ["<<="] = new(AluOperation.ShiftLeft),
        [">>="] = new(AluOperation.ShiftRight),
        ["s>>="] = new(AluOperation.ShiftRightSigned),
        ["%="] = new(AluOperation.Modulo),
        ["s%="] = new(AluOperation.Modulo, 1),
        ["^="] = new(AluOperation.Xor),
        ["="] = new(AluOperation.Move),
    }.ToFrozenDictionary();

    public static readonly FrozenDictionary<string, JumpOperation> JumpMnemonics = new Dictionary<string, JumpOperation>
    {
        ["jeq"] = JumpOperation.Equal,
        ["jgt"] = JumpOperation.Greater,
        ["jge"] = JumpOperation.GreaterOrEqual,
        ["jset"] = JumpOperation.AnySet,
        ["jne"] = JumpOperation.NotEqual,
        ["jsgt"] = JumpOperation.GreaterSigned,
        ["jsge"] = JumpOperation.GreaterOrEqualSigned,
        ["jlt"] = JumpOperation.Less,
        ["jle"] = JumpOperation.LessOrEqual,
        ["jslt"] = JumpOperation.LessSigned,
        ["jsle"] = JumpOperation.LessOrEqualSigned,
    }.ToFrozenDictionary();

    public static readonly FrozenDictionary<string, JumpOperation> JumpSymbols = new Dictionary<string, JumpOperation>
    {
        ["=="] = JumpOperation.Equal,
        [">"] = JumpOperation.Greater,
        [">="] = JumpOperation.GreaterOrEqual,
        ["&"] = JumpOperation.AnySet,
        ["!="] = JumpOperation.NotEqual,
        ["s>"] = JumpOperation.GreaterSigned,
        ["s>="] = JumpOperation.GreaterOrEqualSigned,
        ["<"] = JumpOperation.Less,
        ["<="] = JumpOperation.LessOrEqual,
        ["s<"] = JumpOperation.LessSigned,
        ["s<="] = JumpOperation.LessOrEqualSigned,
    }.ToFrozenDictionary();

    public static readonly FrozenDictionary<string, AtomicOperation> AtomicMnemonics = new Dictionary<string, AtomicOperation>
    {
        ["add"] = AtomicOperation.Add,
        ["or"] = AtomicOperation.Or,
        ["and"] = AtomicOperation.And,
        ["xor"] = AtomicOperation.Xor,
        ["xchg"] = AtomicOperation.Exchange,
        ["cmpxchg"] = AtomicOperation.CompareExchange,
    }.ToFrozenDictionary();

    /// <summary>be16 to swap64, in both syntaxes; "swap" is another word for "bswap".</summary>
    public static readonly FrozenDictionary<string, (byte Opcode, int Bits)> ByteSwaps = AllByteSwaps().ToFrozenDictionary(swap => swap.Name, swap => (swap.Opcode, swap.Bits));

    public static readonly FrozenDictionary<string, (bool IsWide, short Bits)> SignedMoves = new Dictionary<string, (bool, short)>
    {
        ["movsx832"] = (false, 8),
        ["movsx1632"] = (false, 16),
        ["movsx864"] = (true, 8),
        ["movsx1664"] = (true, 16),
        ["movsx3264"] = (true, 32),
    }.ToFrozenDictionary();

    public static readonly FrozenDictionary<string, AccessForm> Accesses = AllAccesses().ToFrozenDictionary(access => access.Name, access => access.Form);

    /// <summary>The types of memory in the statement syntax.</summary>
    public static readonly FrozenDictionary<string, (AccessSize Size, bool IsSigned)> MemoryTypes = new Dictionary<string, (AccessSize, bool)>
    {
        ["u8"] = (AccessSize.Byte, false),
        ["u16"] = (AccessSize.Half, false),
        ["u32"] = (AccessSize.Word, false),
        ["u64"] = (AccessSize.DoubleWord, false),
        ["s8"] = (AccessSize.Byte, true),
        ["s16"] = (AccessSize.Half, true),
        ["s32"] = (AccessSize.Word, true),
    }.ToFrozenDictionary();

    public static readonly FrozenDictionary<string, WideImmediateKind> WideKinds = new Dictionary<string, WideImmediateKind>
    {
        ["map_fd"] = WideImmediateKind.MapByDescriptor,
        ["map_fd_value"] = WideImmediateKind.MapValueByDescriptor,
        ["variable"] = WideImmediateKind.Variable,
        ["code"] = WideImmediateKind.Code,
        ["map"] = WideImmediateKind.Map,
        ["map_value"] = WideImmediateKind.MapValue,
    }.ToFrozenDictionary();

    /// <summary>The word or symbol for a meaning; the table must hold it.</summary>
    public static string NameOf<T>(FrozenDictionary<string, T> table, T meaning)
    {
        foreach (var (name, value) in table)
            if (EqualityComparer<T>.Default.Equals(value, meaning))
                return name;
        throw new ArgumentOutOfRangeException(nameof(meaning), meaning, "has no name");
    }

    private static IEnumerable<(string Name, byte Opcode, int Bits)> AllByteSwaps()
    {
        foreach (var bits in (int[])[16, 32, 64])
        {
            yield return ($"le{bits}", Encode.ToLittleEndian(0, bits).Opcode, bits);
            yield return ($"be{bits}", Encode.ToBigEndian(0, bits).Opcode, bits);
            yield return ($"bswap{bits}", Encode.ByteSwap(0, bits).Opcode, bits);
            yield return ($"swap{bits}", Encode.ByteSwap(0, bits).Opcode, bits);
        }
    }

    private static IEnumerable<(string Name, AccessForm Form)> AllAccesses()
    {
        (string Suffix, AccessSize Size)[] sizes = [("b", AccessSize.Byte), ("h", AccessSize.Half), ("w", AccessSize.Word), ("dw", AccessSize.DoubleWord)];
        foreach (var (suffix, size) in sizes)
        {
            yield return ($"ldx{suffix}", new(InstructionClass.LoadRegister, AccessMode.Memory, size));
            yield return ($"st{suffix}", new(InstructionClass.Store, AccessMode.Memory, size));
            yield return ($"stx{suffix}", new(InstructionClass.StoreRegister, AccessMode.Memory, size));
            yield return ($"ldacq{suffix}", new(InstructionClass.LoadRegister, AccessMode.Atomic, size));
            yield return ($"strel{suffix}", new(InstructionClass.StoreRegister, AccessMode.Atomic, size));
            if (size != AccessSize.DoubleWord)
                yield return ($"ldxs{suffix}", new(InstructionClass.LoadRegister, AccessMode.MemorySigned, size));
        }
    }
}
