using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Assembly;

/// <summary>Lines such as <c>r1 += 5</c>, <c>w0 = *(u8 *)(r1 + 4)</c>, <c>lock *(u64 *)(r10 - 8) += r2</c>.</summary>
/// <remarks>Exit and calls read the same in both syntaxes: <see cref="MnemonicParser"/> takes them.</remarks>
internal static class StatementParser
{
    /// <exception cref="InvalidProgramTextException">The line is no instruction.</exception>
    public static void Parse(TokenReader tokens, Listing listing)
    {
        if (tokens.TryRegister(out var register, out var isWide))
            ParseAssignment(tokens, listing, register, isWide);
        else if (tokens.TryWord("if"))
            ParseBranch(tokens, listing);
        else if (tokens.TryWord("goto"))
            listing.AddJump(Encode.Jump(0), tokens);
        else if (tokens.TryWord("gotol"))
            listing.AddJump(Encode.JumpLong(0), tokens);
        else if (tokens.TryWord("lock"))
            ParseLocked(tokens, listing);
        else if (tokens.TryWord("store_release"))
            ParseRelease(tokens, listing);
        else if (tokens.TrySymbol("*"))
            ParseStore(tokens, listing);
        else
            throw tokens.Error("no instruction begins so");
    }

    private static void ParseBranch(TokenReader tokens, Listing listing)
    {
        var destination = tokens.Register(out var isWide);
        var symbol = tokens.AnySymbol();
        if (!Vocabulary.JumpSymbols.TryGetValue(symbol, out var operation))
            throw tokens.Error($"'{symbol}' is no comparison");
        var jump = tokens.TryRegister(out var source, out _)
            ? Encode.CompareRegister(operation, destination, source, 0, isWide)
            : Encode.Compare(operation, destination, tokens.Immediate(), 0, isWide);
        if (!tokens.TryWord("goto"))
            throw tokens.Error("'goto' is missing");
        listing.AddJump(jump, tokens);
    }

    private static void ParseAssignment(TokenReader tokens, Listing listing, int destination, bool isWide)
    {
        var symbol = tokens.AnySymbol();
        if (!Vocabulary.AluSymbols.TryGetValue(symbol, out var variant))
            throw tokens.Error($"'{symbol}' is no assignment");
        if (symbol == "=")
        {
            ParseMove(tokens, listing, destination, isWide);
            return;
        }
        listing.Add(tokens.TryRegister(out var source, out _)
            ? Encode.AluRegister(variant.Operation, destination, source, isWide, variant.Offset)
            : new BpfInstruction(Opcodes.Alu(variant.Operation, isWide, register: false), destination, 0, variant.Offset, tokens.Immediate()));
    }

    private static void ParseMove(TokenReader tokens, Listing listing, int destination, bool isWide)
    {
        if (tokens.TryRegister(out var source, out _))
            listing.Add(Encode.AluRegister(AluOperation.Move, destination, source, isWide));
        else if (tokens.TrySymbol("*"))
            ParseLoad(tokens, listing, destination);
        else if (tokens.TrySymbol("("))
            ParseSignedMove(tokens, listing, destination, isWide);
        else if (WideImmediate.TryParse(tokens, destination) is { } reference)
            AddWide(tokens, listing, reference);
        else if (tokens.IsNumberNext)
            ParseNumber(tokens, listing, destination, isWide);
        else if (tokens.TryName(out var function))
            ParseFunction(tokens, listing, destination, function);
        else
            ParseNegation(tokens, listing, destination, isWide);
    }

    private static void AddWide(TokenReader tokens, Listing listing, (BpfInstruction Low, BpfInstruction High) reference)
    {
        if (!tokens.TryWord("ll"))
            throw tokens.Error("'ll' is missing");
        listing.Add(reference);
    }

    private static void ParseNumber(TokenReader tokens, Listing listing, int destination, bool isWide)
    {
        var mark = tokens.Mark();
        var number = tokens.Number();
        if (tokens.TryWord("ll"))
        {
            listing.Add(Encode.LoadWide(destination, number));
            return;
        }
        tokens.Return(mark);
        listing.Add(Encode.Alu(AluOperation.Move, destination, tokens.Immediate(), isWide));
    }

    private static void ParseNegation(TokenReader tokens, Listing listing, int destination, bool isWide)
    {
        tokens.Expect("-");
        if (tokens.Register() != destination)
            throw tokens.Error("negation has one register");
        listing.Add(Encode.Alu(AluOperation.Negate, destination, 0, isWide));
    }

    private static void ParseSignedMove(TokenReader tokens, Listing listing, int destination, bool isWide)
    {
        var (size, _) = MemoryType(tokens);
        tokens.Expect(")");
        var bits = (short)(8 * Bytes(size));
        listing.Add(Encode.AluRegister(AluOperation.Move, destination, tokens.Register(), isWide, bits));
    }

    private static void ParseLoad(TokenReader tokens, Listing listing, int destination)
    {
        var (size, isSigned) = PointerType(tokens);
        var (source, offset) = Address(tokens);
        listing.Add(Encode.Load(size, destination, source, offset, isSigned));
    }

    private static void ParseStore(TokenReader tokens, Listing listing)
    {
        var (size, _) = PointerType(tokens);
        var (destination, offset) = Address(tokens);
        tokens.Expect("=");
        listing.Add(tokens.TryRegister(out var source, out _)
            ? Encode.Store(size, destination, offset, source)
            : Encode.StoreImmediate(size, destination, offset, tokens.Immediate()));
    }

    private static void ParseLocked(TokenReader tokens, Listing listing)
    {
        tokens.Expect("*");
        var (size, _) = PointerType(tokens);
        var (destination, offset) = Address(tokens);
        var symbol = tokens.AnySymbol();
        var operation = symbol switch
        {
            "+=" => AtomicOperation.Add,
            "|=" => AtomicOperation.Or,
            "&=" => AtomicOperation.And,
            "^=" => AtomicOperation.Xor,
            _ => throw tokens.Error($"'{symbol}' is no atomic operation"),
        };
        listing.Add(Encode.Atomic(operation, size, destination, offset, tokens.Register()));
    }

    private static void ParseRelease(TokenReader tokens, Listing listing)
    {
        tokens.Expect("(");
        var (size, _) = PointerType(tokens);
        var (destination, offset) = Address(tokens);
        tokens.Expect(",");
        listing.Add(Encode.Atomic(AtomicOperation.StoreRelease, size, destination, offset, tokens.Register()));
        tokens.Expect(")");
    }

    /// <summary>What stands right of "=" and looks like a call: byte swaps and atomic operations with a result.</summary>
    private static void ParseFunction(TokenReader tokens, Listing listing, int destination, string function)
    {
        if (Vocabulary.ByteSwaps.TryGetValue(function, out var swap))
        {
            if (tokens.Register() != destination)
                throw tokens.Error("a byte swap has one register");
            listing.Add(new BpfInstruction(swap.Opcode, destination, 0, 0, swap.Bits));
            return;
        }
        tokens.Expect("(");
        switch (function)
        {
            case "load_acquire":
                var (acquired, _) = PointerType(tokens);
                var (source, sourceOffset) = Address(tokens);
                listing.Add(Encode.Atomic(AtomicOperation.LoadAcquire, acquired, destination, sourceOffset, source));
                break;
            case "xchg_64" or "xchg32_32":
                ParseExchange(tokens, listing, AtomicOperation.Exchange, function == "xchg_64", destination);
                break;
            case "cmpxchg_64" or "cmpxchg32_32":
                ParseExchange(tokens, listing, AtomicOperation.CompareExchange, function == "cmpxchg_64", destination);
                break;
            default:
                ParseFetch(tokens, listing, destination, function);
                break;
        }
        tokens.Expect(")");
    }

    private static void ParseFetch(TokenReader tokens, Listing listing, int destination, string function)
    {
        const string Prefix = "atomic_fetch_";
        if (!function.StartsWith(Prefix, StringComparison.Ordinal) || !Vocabulary.AtomicMnemonics.TryGetValue(function[Prefix.Length..], out var operation))
            throw tokens.Error($"'{function}' is no operation");
        var (size, _) = PointerType(tokens);
        var (target, offset) = Address(tokens);
        tokens.Expect(",");
        if (tokens.Register() != destination)
            throw tokens.Error("an atomic fetch has one value register");
        listing.Add(Encode.Atomic(operation | AtomicOperation.Fetch, size, target, offset, destination));
    }

    private static void ParseExchange(TokenReader tokens, Listing listing, AtomicOperation operation, bool isWide, int destination)
    {
        var target = tokens.Register();
        var offset = tokens.Offset();
        tokens.Expect(",");
        var value = tokens.Register();
        if (operation == AtomicOperation.CompareExchange)
        {
            if (value != 0 || destination != 0)
                throw tokens.Error("compare and exchange expects the old value in r0");
            tokens.Expect(",");
            value = tokens.Register();
        }
        else if (value != destination)
        {
            throw tokens.Error("an exchange has one value register");
        }
        listing.Add(Encode.Atomic(operation, isWide ? AccessSize.DoubleWord : AccessSize.Word, target, offset, value));
    }

    /// <summary><c>(u32 *)</c>.</summary>
    private static (AccessSize Size, bool IsSigned) PointerType(TokenReader tokens)
    {
        tokens.Expect("(");
        var type = MemoryType(tokens);
        tokens.Expect("*");
        tokens.Expect(")");
        return type;
    }

    private static (AccessSize Size, bool IsSigned) MemoryType(TokenReader tokens) =>
        tokens.TryName(out var name) && Vocabulary.MemoryTypes.TryGetValue(name, out var type) ? type : throw tokens.Error($"'{name}' is no type of memory");

    /// <summary><c>(r1 + 4)</c>.</summary>
    private static (int Register, short Offset) Address(TokenReader tokens)
    {
        tokens.Expect("(");
        var register = tokens.Register();
        if (tokens.TrySymbol(")"))
            return (register, 0);
        var offset = tokens.Offset();
        tokens.Expect(")");
        return (register, offset);
    }

    private static int Bytes(AccessSize size) => Encode.Load(size, 0, 0, 0).AccessBytes;
}
