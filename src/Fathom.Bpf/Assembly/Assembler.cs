using System.Collections.Immutable;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Maps;

namespace Fathom.Bpf.Assembly;

/// <summary>Text to programs. Each line may be of either <see cref="AssemblySyntax"/>.</summary>
/// <remarks>
/// A label is a name and a colon, alone or before an instruction; jumps and calls take labels or distances (<c>+3</c>, <c>-2</c>).
/// The name <c>exit</c>, when it is no label, is the nearest exit instruction. A call of a name that is no label is a kfunc's.
/// <c>#</c>, <c>;</c> and <c>//</c> begin comments. <c>.slot 0x95</c> is any eight bytes as one little-endian number.
/// </remarks>
public static class Assembler
{
    /// <summary>Assembles a program.</summary>
    /// <param name="text">Lines.</param>
    /// <param name="name">The program's, for messages.</param>
    /// <param name="maps">What <c>map(0)</c> and <c>map_value(0, 8)</c> index.</param>
    /// <exception cref="InvalidProgramTextException">A line is no instruction, a label is missing or twice, a number does not fit.</exception>
    public static BpfProgram Assemble(string text, string name = "program", ImmutableArray<MapDefinition> maps = default)
    {
        var listing = new Listing(name);
        var number = 0;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            number++;
            listing.Line = number;
            var tokens = new TokenReader(name, number, WithoutComment(line).ToString());
            while (tokens.TryLabel(out var label))
                listing.DefineLabel(label);
            if (tokens.IsAtEnd)
                continue;
            if (tokens.TryWord(".slot"))
                listing.Add(Slot(tokens.Number()));
            else if (!MnemonicParser.TryParse(tokens, listing))
                StatementParser.Parse(tokens, listing);
            tokens.SkipTargetComment();
            tokens.ExpectEnd();
        }
        return listing.ToProgram(maps.IsDefault ? [] : maps);
    }

    private static BpfInstruction Slot(ulong value)
    {
        Span<byte> bytes = stackalloc byte[BpfInstruction.SizeBytes];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return BpfInstruction.Read(bytes);
    }

    private static ReadOnlySpan<char> WithoutComment(ReadOnlySpan<char> line)
    {
        var end = line.IndexOfAny('#', ';');
        if (end >= 0)
            line = line[..end];
        end = line.IndexOf("//", StringComparison.Ordinal);
        return end >= 0 ? line[..end] : line;
    }
}
