using System.CommandLine;
using System.Globalization;
using Fathom.Bpf.Execution;
using Fathom.Bpf.Instructions;
using Fathom.Cli.CommandLine;
using Fathom.Memory;

namespace Fathom.Cli.Commands.Bpf;

/// <summary>`fathom bpf plugin`: what the public conformance runner calls for each of its programs.</summary>
internal static class PluginCommand
{
    private static readonly Argument<string> MemoryHex = new("MEMORY") { Description = "The memory as hex bytes: R1 points to it, R2 is its length.", DefaultValueFactory = _ => "" };
    private static readonly Setting<bool> Compiled = Settings.Choice("--engine", "The interpreter, or compiled code with the same checks.", false, ("interpreter", false), ("jit", true));

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "plugin", "Runs a program given as hex bytes on standard input, without verification and with every access checked; prints R0 in hex.",
        "echo b7 00 00 00 2a 00 00 00 95 00 00 00 00 00 00 00 | fathom bpf plugin \"11 22 33 44\"",
        [MemoryHex, Compiled.Option], terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var memory = Parse("memory", invocation.Options.GetRequiredValue(MemoryHex));
        var program = BpfProgram.FromBytes("program", Parse("program", await Console.In.ReadToEndAsync(cancellation)));
        var functions = new ConformanceFunctions();
        var binding = ProgramBinding.Standard with { Helpers = functions.Table };
        using var buffer = NativeBuffer.Allocate(Math.Max(1, memory.Length));
        memory.CopyTo(buffer.View.AsSpan<byte>());
        var given = new ProgramMemory(memory.Length == 0 ? default : buffer.View.Slice(0, memory.Length));
        var outcome = Compiled.Read(invocation.Options)
            ? CompiledProgram.CompileChecked(program, binding).Run(given, ExecutionLimits.Default)
            : Interpreter.CreateChecked(program, binding).Run(given, ExecutionLimits.Default);
        if (!outcome.IsReturn && !functions.HasUnwound)
            throw new CommandException($"program: {outcome}");
        await invocation.Terminal.Output.WriteLineAsync(outcome.Result.ToString("x", CultureInfo.InvariantCulture));
    }

    /// <summary>Hex bytes with or without spaces, lines and 0x before each.</summary>
    private static byte[] Parse(string what, string text)
    {
        var digits = text.Replace("0x", "", StringComparison.OrdinalIgnoreCase).Where(character => !char.IsWhiteSpace(character)).ToArray();
        try
        {
            return Convert.FromHexString(digits);
        }
        catch (FormatException)
        {
            throw new CommandException($"{what}: not a row of hex bytes.");
        }
    }
}
