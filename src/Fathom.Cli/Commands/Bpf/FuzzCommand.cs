using System.CommandLine;
using Fathom.Bpf.Fuzzing;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;

namespace Fathom.Cli.Commands.Bpf;

/// <summary>`fathom bpf fuzz`: random programs through verifier, interpreter and compiled code.</summary>
internal static class FuzzCommand
{
    private const int ProgramsPerRound = 1000;

    private static readonly Setting<int> Programs = Settings.Integer("--programs", "Verified programs to compare.", 10_000, 1);
    private static readonly Setting<ulong> Seed = Settings.Seed("Reproduces a run.", 1);
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object: programs, verified, refused, faults, differences." };

    private sealed record FuzzTotals(ulong Seed, long Programs, long Verified, long Refused, long Faults, int Differences);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "fuzz", "Compares the interpreter with compiled code on random programs, between guard pages.", "fathom bpf fuzz --programs 1000000 --seed 7",
        [Programs.Option, Seed.Option, Json], terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        var (programs, seed) = (Programs.Read(options), Seed.Read(options));
        await invocation.Terminal.Error.WriteLineAsync($"seed {seed}");
        using var fuzzer = new DifferentialFuzzer(seed);
        var report = ProgressBar.Run("Comparing", invocation.Terminal, progress =>
        {
            var soFar = default(FuzzReport);
            while (soFar.Verified < programs && soFar.Difference is null)
            {
                cancellation.ThrowIfCancellationRequested();
                soFar = fuzzer.Run(Math.Min(programs, soFar.Verified + ProgramsPerRound), cancellation);
                progress?.Invoke((double)soFar.Verified / programs);
            }
            return soFar;
        });
        var totals = new FuzzTotals(seed, report.Programs, report.Verified, report.Refused, report.Faults, report.Difference is null ? 0 : 1);
        if (options.GetValue(Json))
            JsonReport.WriteIndented(invocation.Terminal.Output, totals);
        else
            await invocation.Terminal.Output.WriteLineAsync($"{totals.Programs} programs: {totals.Verified} verified and equal in both engines, {totals.Refused} refused, {totals.Faults} faults in checked runs");
        if (report.Difference is { } difference)
        {
            await invocation.Terminal.Error.WriteLineAsync(difference);
            throw new CommandException($"seed {seed}: program {report.Programs} differs.");
        }
    }
}
