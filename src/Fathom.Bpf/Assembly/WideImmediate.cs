using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Assembly;

/// <summary>64-bit immediates that are references: <c>map(0)</c>, <c>map_value(0, 16)</c>, <c>code(4)</c>; the same in both syntaxes.</summary>
internal static class WideImmediate
{
    /// <summary>The two slots; null when no reference stands there.</summary>
    public static (BpfInstruction Low, BpfInstruction High)? TryParse(TokenReader tokens, int destination)
    {
        var mark = tokens.Mark();
        if (!tokens.TryName(out var name) || !Vocabulary.WideKinds.TryGetValue(name, out var kind) || !tokens.TrySymbol("("))
        {
            tokens.Return(mark);
            return null;
        }
        var immediate = tokens.Immediate();
        var next = tokens.TrySymbol(",") ? tokens.Immediate() : 0;
        tokens.Expect(")");
        return Encode.LoadWide(kind, destination, immediate, next);
    }

    /// <summary>The reference's text; for a constant the number in hexadecimal.</summary>
    public static string Format(BpfInstruction low, BpfInstruction high)
    {
        var kind = (WideImmediateKind)low.Source;
        if (kind == WideImmediateKind.Constant)
            return $"0x{(uint)low.Immediate | ((ulong)(uint)high.Immediate << 32):x}";
        var name = Vocabulary.NameOf(Vocabulary.WideKinds, kind);
        return high.Immediate == 0 ? $"{name}({low.Immediate})" : $"{name}({low.Immediate}, {high.Immediate})";
    }
}
