using System.Globalization;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Assembly;

/// <summary>Lines such as <c>add32 %r1, 5</c>, <c>ldxw %r0, [%r1+4]</c>, <c>lock fetch xor [%r10-8], %r2</c>.</summary>
internal static class MnemonicParser
{
    /// <summary>Parses a line that begins with a mnemonic; leaves any other alone.</summary>
    public static bool TryParse(TokenReader tokens, Listing listing)
    {
        var mark = tokens.Mark();
        if (tokens.TryName(out var mnemonic))
        {
            // "lock *(u64 *)…" is the other syntax.
            if (mnemonic == "lock" && !tokens.TrySymbol("*"))
            {
                ParseLocked(tokens, listing);
                return true;
            }
            if (ParseControl(mnemonic, tokens, listing) || ParseAlu(mnemonic, tokens, listing) || ParseJump(mnemonic, tokens, listing) || ParseAccess(mnemonic, tokens, listing))
                return true;
        }
        tokens.Return(mark);
        return false;
    }

    private static bool ParseControl(string mnemonic, TokenReader tokens, Listing listing)
    {
        switch (mnemonic)
        {
            case "exit":
                listing.Add(Encode.Exit());
                return true;
            case "call":
                listing.AddCall(tokens);
                return true;
            case "callx":
                listing.Add(new BpfInstruction(Opcodes.CallRegister, tokens.Register(), 0, 0, 0));
                return true;
            case "ja":
                listing.AddJump(Encode.Jump(0), tokens);
                return true;
            case "ja32":
                listing.AddJump(Encode.JumpLong(0), tokens);
                return true;
            case "lddw":
                var destination = tokens.Register();
                tokens.Expect(",");
                listing.Add(WideImmediate.TryParse(tokens, destination) ?? Encode.LoadWide(destination, tokens.Number()));
                return true;
            default:
                return false;
        }
    }

    private static bool ParseAlu(string mnemonic, TokenReader tokens, Listing listing)
    {
        if (Vocabulary.ByteSwaps.TryGetValue(mnemonic, out var swap))
        {
            var swapped = tokens.Register();
            listing.Add(new BpfInstruction(swap.Opcode, swapped, 0, 0, swap.Bits));
            return true;
        }
        if (Vocabulary.SignedMoves.TryGetValue(mnemonic, out var move))
        {
            var destination = tokens.Register();
            tokens.Expect(",");
            listing.Add(Encode.AluRegister(AluOperation.Move, destination, tokens.Register(), move.IsWide, move.Bits));
            return true;
        }
        var (stem, isWide) = SplitWidth(mnemonic);
        if (!Vocabulary.AluMnemonics.TryGetValue(stem, out var operation))
            return false;
        var target = tokens.Register();
        if (operation.Operation == AluOperation.Negate)
        {
            listing.Add(Encode.Alu(AluOperation.Negate, target, 0, isWide));
            return true;
        }
        tokens.Expect(",");
        listing.Add(tokens.TryRegister(out var source, out _)
            ? Encode.AluRegister(operation.Operation, target, source, isWide, operation.Offset)
            : new BpfInstruction(Opcodes.Alu(operation.Operation, isWide, register: false), target, 0, operation.Offset, tokens.Immediate()));
        return true;
    }

    private static bool ParseJump(string mnemonic, TokenReader tokens, Listing listing)
    {
        var (stem, isWide) = SplitWidth(mnemonic);
        if (!Vocabulary.JumpMnemonics.TryGetValue(stem, out var operation))
            return false;
        var destination = tokens.Register();
        tokens.Expect(",");
        var jump = tokens.TryRegister(out var source, out _)
            ? Encode.CompareRegister(operation, destination, source, 0, isWide)
            : Encode.Compare(operation, destination, tokens.Immediate(), 0, isWide);
        tokens.Expect(",");
        listing.AddJump(jump, tokens);
        return true;
    }

    private static bool ParseAccess(string mnemonic, TokenReader tokens, Listing listing)
    {
        if (!Vocabulary.Accesses.TryGetValue(mnemonic, out var access))
            return false;
        var isAcquire = access is { Mode: AccessMode.Atomic, Class: InstructionClass.LoadRegister };
        if (access.Class == InstructionClass.LoadRegister)
        {
            var destination = tokens.Register();
            tokens.Expect(",");
            var (source, offset) = Address(tokens);
            listing.Add(isAcquire
                ? Encode.Atomic(AtomicOperation.LoadAcquire, access.Size, destination, offset, source)
                : Encode.Load(access.Size, destination, source, offset, access.Mode == AccessMode.MemorySigned));
            return true;
        }
        var (target, targetOffset) = Address(tokens);
        tokens.Expect(",");
        listing.Add(access switch
        {
            { Class: InstructionClass.Store } => Encode.StoreImmediate(access.Size, target, targetOffset, tokens.Immediate()),
            { Mode: AccessMode.Atomic } => Encode.Atomic(AtomicOperation.StoreRelease, access.Size, target, targetOffset, tokens.Register()),
            _ => Encode.Store(access.Size, target, targetOffset, tokens.Register()),
        });
        return true;
    }

    private static void ParseLocked(TokenReader tokens, Listing listing)
    {
        var isFetch = tokens.TryWord("fetch");
        if (!tokens.TryName(out var mnemonic))
            throw tokens.Error("an atomic operation is missing");
        var (stem, isWide) = SplitWidth(mnemonic);
        if (!Vocabulary.AtomicMnemonics.TryGetValue(stem, out var operation))
            throw tokens.Error($"'{mnemonic}' is no atomic operation");
        var (target, offset) = Address(tokens);
        tokens.Expect(",");
        listing.Add(Encode.Atomic(isFetch ? operation | AtomicOperation.Fetch : operation, isWide ? AccessSize.DoubleWord : AccessSize.Word, target, offset, tokens.Register()));
    }

    private static (int Register, short Offset) Address(TokenReader tokens)
    {
        tokens.Expect("[");
        var register = tokens.Register();
        if (tokens.TrySymbol("]"))
            return (register, 0);
        var offset = tokens.Offset();
        tokens.Expect("]");
        return (register, offset);
    }

    /// <summary>"add32" is add in 32 bits; "add" and "add64" are add in 64.</summary>
    private static (string Stem, bool IsWide) SplitWidth(string mnemonic)
    {
        if (mnemonic.EndsWith("32", false, CultureInfo.InvariantCulture))
            return (mnemonic[..^2], false);
        return (mnemonic.EndsWith("64", false, CultureInfo.InvariantCulture) ? mnemonic[..^2] : mnemonic, true);
    }
}
