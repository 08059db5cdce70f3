using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Fathom.Bpf.Elf;
using Fathom.Bpf.Verification;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;

namespace Fathom.Cli.Commands.Bpf;

/// <summary>`fathom bpf verify`: whether the programs of an object file may run.</summary>
internal static class VerifyCommand
{
    private static readonly Option<bool> State = new("--state") { Description = "Also show the registers before a rejected instruction." };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object: programs, each with accepted, instruction, reason." };

    private sealed record ProgramVerdict(
        string Program, string Type, bool Accepted, int Instructions, int InstructionsProcessed, double VerifyMs, int? Instruction, string? Reason, string? Message, string? RegisterState);

    private sealed record Verdicts(bool Accepted, IReadOnlyList<ProgramVerdict> Programs);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "verify", "Verifies the programs of an object file.", "fathom bpf verify functions/kv_get_u64.bpf.o",
        [SelectedProgram.ObjectPath, SelectedProgram.Name.Option, SelectedProgram.Type.Option, State, Json], terminal, RunAsync);

    private static Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        var verdicts = SelectedProgram.ReadAll(options).Select(program => Verify(program, SelectedProgram.TypeOf(program, options))).ToList();
        var rejected = verdicts.Where(verdict => !verdict.Accepted).ToList();
        if (options.GetValue(Json))
            JsonReport.WriteIndented(invocation.Terminal.Output, new Verdicts(rejected.Count == 0, verdicts));
        else
            foreach (var verdict in verdicts)
                Write(invocation.Terminal.Output, verdict, options.GetValue(State));
        if (rejected.Count > 0)
            throw new CommandException($"{rejected.Count} of {verdicts.Count} programs rejected; {rejected[0].Message}");
        return Task.CompletedTask;
    }

    private static ProgramVerdict Verify(ObjectProgram program, ProgramType type)
    {
        var start = Stopwatch.GetTimestamp();
        var result = Verifier.Verify(program.Program, type);
        var milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        var rejection = result as Rejection;
        return new ProgramVerdict(
            program.Program.Name, type.Name, rejection is null, program.Program.Instructions.Length, result.Effort.InstructionsProcessed, Math.Round(milliseconds, 3),
            rejection?.InstructionIndex, rejection?.Reason.ToString(), rejection?.ToString(), rejection?.RegisterState);
    }

    private static void Write(TextWriter output, ProgramVerdict verdict, bool showState)
    {
        output.WriteLine(verdict.Accepted
            ? string.Create(CultureInfo.InvariantCulture, $"{verdict.Program}: accepted as {verdict.Type}, {verdict.Instructions} slots, {verdict.InstructionsProcessed} instructions walked in {verdict.VerifyMs} ms")
            : $"rejected: {verdict.Message}");
        if (showState && verdict.RegisterState is { Length: > 0 } state)
            output.WriteLine(state);
    }
}
