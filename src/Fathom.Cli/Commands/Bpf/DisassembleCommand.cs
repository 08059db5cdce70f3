using System.CommandLine;
using System.Globalization;
using Fathom.Bpf.Assembly;
using Fathom.Bpf.Elf;
using Fathom.Cli.CommandLine;

namespace Fathom.Cli.Commands.Bpf;

/// <summary>`fathom bpf disassemble`: the linked programs of an object file as text.</summary>
internal static class DisassembleCommand
{
    private static readonly Setting<AssemblySyntax> Syntax = Settings.Choice(
        "--syntax", "Statements as clang writes them, or mnemonics as ubpf does.", AssemblySyntax.Statement, ("statement", AssemblySyntax.Statement), ("mnemonic", AssemblySyntax.Mnemonic));
    private static readonly Option<bool> Plain = new("--plain") { Description = "Instructions only, as the assembler reads them: no numbers, no source lines." };

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "disassemble", "Shows the programs of an object file.", "fathom bpf disassemble functions/kv_get_u64.bpf.o",
        [SelectedProgram.ObjectPath, SelectedProgram.Name.Option, Syntax.Option, Plain], terminal, RunAsync);

    private static Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var output = invocation.Terminal.Output;
        var syntax = Syntax.Read(invocation.Options);
        foreach (var program in SelectedProgram.ReadAll(invocation.Options))
        {
            if (invocation.Options.GetValue(Plain))
                output.Write(Disassembler.Disassemble(program.Program, syntax));
            else
                Write(output, program, syntax);
        }
        return Task.CompletedTask;
    }

    private static void Write(TextWriter output, ObjectProgram section, AssemblySyntax syntax)
    {
        var program = section.Program;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{program.Name}: section {section.Section}, {program.Instructions.Length} slots"));
        for (var i = 0; i < program.Maps.Length; i++)
            output.WriteLine($"  map {i}: {program.Maps[i].Name}, {program.Maps[i].Kind}, key {program.Maps[i].KeyBytes} B, value {program.Maps[i].ValueBytes} B, {program.Maps[i].EntriesMax} entries");
        var line = -1;
        for (var slot = 0; slot < program.Instructions.Length; slot += Disassembler.SlotsAt(program, slot))
        {
            if (program.SourceLineOf(slot) is { } source && source.FirstInstruction != line)
            {
                line = source.FirstInstruction;
                output.WriteLine($"; {source.File}:{source.Line} {source.Text.Trim()}");
            }
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{slot,6}: {Disassembler.Format(program, slot, syntax)}"));
        }
    }
}
