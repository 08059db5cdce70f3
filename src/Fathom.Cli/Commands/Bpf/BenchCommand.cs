using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Fathom.Bpf.Execution;
using Fathom.Bpf.Fuzzing;
using Fathom.Bpf.Maps;
using Fathom.Bpf.Verification;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;

namespace Fathom.Cli.Commands.Bpf;

/// <summary>`fathom bpf bench`: a storage function in the interpreter and compiled; without a file, two functions also against C# by hand, and the verifier on long programs.</summary>
internal static class BenchCommand
{
    private static readonly Argument<string?> ObjectPath = new("FILE") { Description = "An object file; without it a B-tree node search and a 64 KiB aggregation that also exist in C#.", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Setting<int> Rounds = Settings.Integer("--rounds", "Measured rounds of each engine, taken in turns.", 7, 1, 1000);
    private static readonly Setting<int> RoundMs = Settings.Integer("--round-ms", "Length of a round.", 200, 1, 60_000);
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object: machine, commit, functions with ns of each engine, verification of long programs." };

    private sealed record EngineTimes(double MedianNs, double MinNs, double MaxNs);

    private sealed record FunctionTimes(string Function, int Slots, double VerifyMs, double CompileMs, EngineTimes Interpreter, EngineTimes Jit, EngineTimes? HandWritten, double JitOverInterpreter, double? JitOverHandWritten);

    private sealed record VerificationTimes(int Instructions, int Processed, double MedianMs, double MinMs, double MaxMs);

    private sealed record Report(string Machine, string Commit, int Rounds, IReadOnlyList<FunctionTimes> Functions, IReadOnlyList<VerificationTimes> Verification);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "bench", "Measures a storage function in both engines.", "fathom bpf bench --json",
        [ObjectPath, SelectedProgram.Name.Option, SelectedProgram.Type.Option, StorageRun.DataFile.Option, StorageRun.ScratchFile.Option, StorageRun.ScratchBytes.Option, Rounds.Option, RoundMs.Option, Json],
        terminal, RunAsync);

    private static Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        var isBuiltIn = options.GetValue(ObjectPath) is null;
        var times = isBuiltIn ? BuiltIn(options) : [OfFile(options.GetValue(ObjectPath)!, options)];
        var verification = isBuiltIn ? VerifyLong(options) : [];
        if (options.GetValue(Json))
        {
            JsonReport.WriteIndented(invocation.Terminal.Output, new Report(BenchmarkOrigin.Machine, BenchmarkOrigin.Commit, Rounds.Read(options), times, verification));
            return Task.CompletedTask;
        }
        foreach (var function in times)
            Write(invocation.Terminal.Output, function);
        foreach (var program in verification)
            Write(invocation.Terminal.Output, program);
        return Task.CompletedTask;
    }

    private static List<FunctionTimes> BuiltIn(ParseResult options)
    {
        const int KeyInTheMiddle = 155;
        var functions = new List<FunctionTimes>();
        foreach (var function in (BenchmarkFunction[])[BenchmarkFunction.NodeSearch(KeyInTheMiddle), BenchmarkFunction.Aggregate()])
        {
            using var run = new StorageRun(function.Program, function.Data, function.Scratch);
            functions.Add(Measure(function.Name, function.Program, run, function.HandWritten, options));
        }
        return functions;
    }

    /// <summary>The verifier on programs of 1,000 and 10,000 instructions, a branch in ten.</summary>
    private static List<VerificationTimes> VerifyLong(ParseResult options)
    {
        var programs = ((int[])[1_000, 10_000]).Select(BranchingProgram.OfLength).ToList();
        var processed = programs.Select(program => Verifier.Verify(program, ProgramType.StorageFunction) is VerifiedProgram verified
            ? verified.Effort.InstructionsProcessed
            : throw new CommandException($"{program.Name} is refused.")).ToList();
        var engines = programs.Select(program => (Action<int>)(count =>
        {
            for (var i = 0; i < count; i++)
                Verifier.Verify(program, ProgramType.StorageFunction);
        })).ToList();
        var times = Rotate(engines, Rounds.Read(options), RoundMs.Read(options));
        return [.. times.Select((time, i) => new VerificationTimes(
            programs[i].Instructions.Length, processed[i], Math.Round(time.MedianNs / 1e6, 3), Math.Round(time.MinNs / 1e6, 3), Math.Round(time.MaxNs / 1e6, 3)))];
    }

    private static FunctionTimes OfFile(string path, ParseResult options)
    {
        var program = SelectedProgram.ReadVerified(path, options);
        using var run = StorageRun.Read(program, options);
        return Measure(program.Program.Name, program, run, null, options);
    }

    private static FunctionTimes Measure(string name, VerifiedProgram program, StorageRun run, HandWrittenStep? handWritten, ParseResult options)
    {
        using var maps = MapSet.Create(program.Program);
        var binding = ProgramBinding.Standard with { Maps = maps };
        var verifyMs = Milliseconds(() => Verifier.Verify(program.Program, program.Type));
        CompiledProgram? compiled = null;
        var compileMs = Milliseconds(() => compiled = CompiledProgram.Compile(program, binding));
        var interpreter = Interpreter.Create(program, binding);
        var memory = run.Memory;
        var limits = ExecutionLimits.Default;
        var engines = new List<Action<int>>
        {
            count => Repeat(count, () => interpreter.Run(memory, limits)),
            count => RunCompiled(compiled!, memory, limits, count),
        };
        CheckSame(name, interpreter.Run(memory, limits), Snapshot(run), compiled!.Run(memory, limits), Snapshot(run));
        if (handWritten is not null)
        {
            var result = handWritten(memory.Data.AsSpan<byte>(), memory.Scratch.AsSpan<byte>());
            CheckSame(name, compiled.Run(memory, limits), Snapshot(run), new RunOutcome((ulong)result, RunFault.None, -1, 0), Snapshot(run));
            engines.Add(count => RunHandWritten(handWritten, memory, count));
        }
        var times = Rotate(engines, Rounds.Read(options), RoundMs.Read(options));
        return new FunctionTimes(
            name, program.Program.Instructions.Length, Math.Round(verifyMs, 3), Math.Round(compileMs, 3), times[0], times[1], times.Count > 2 ? times[2] : null,
            Math.Round(times[0].MedianNs / times[1].MedianNs, 2), times.Count > 2 ? Math.Round(times[2].MedianNs / times[1].MedianNs, 2) : null);
    }

    /// <summary>Each engine in turn, round after round, so that what disturbs the machine disturbs all of them.</summary>
    private static List<EngineTimes> Rotate(List<Action<int>> engines, int rounds, int roundMs)
    {
        var counts = engines.Select(engine => Calibrate(engine, roundMs)).ToList();
        var samples = engines.Select(_ => new List<double>()).ToList();
        for (var round = 0; round < rounds; round++)
            for (var i = 0; i < engines.Count; i++)
                samples[i].Add(Milliseconds(() => engines[i](counts[i])) * 1e6 / counts[i]);
        return [.. samples.Select(Spread.Of).Select(spread => new EngineTimes(Math.Round(spread.Median, 2), Math.Round(spread.Min, 2), Math.Round(spread.Max, 2)))];
    }

    /// <summary>Runs that take about a round, found after the runtime had time to optimise.</summary>
    private static int Calibrate(Action<int> engine, int roundMs)
    {
        var count = 1;
        double milliseconds;
        while ((milliseconds = Milliseconds(() => engine(count))) < roundMs && count < 1 << 28)
            count *= 2;
        return Math.Max(1, (int)((double)count * roundMs / milliseconds));
    }

    private static void Repeat(int count, Func<RunOutcome> run)
    {
        for (var i = 0; i < count; i++)
            run();
    }

    private static void RunCompiled(CompiledProgram program, ProgramMemory memory, ExecutionLimits limits, int count)
    {
        for (var i = 0; i < count; i++)
            program.Run(memory, limits);
    }

    private static void RunHandWritten(HandWrittenStep step, ProgramMemory memory, int count)
    {
        for (var i = 0; i < count; i++)
            step(memory.Data.AsSpan<byte>(), memory.Scratch.AsSpan<byte>());
    }

    private static byte[] Snapshot(StorageRun run) => run.Memory.Scratch.AsSpan<byte>().ToArray();

    private static void CheckSame(string name, RunOutcome expected, byte[] expectedScratch, RunOutcome actual, byte[] actualScratch)
    {
        if (expected != actual || !expectedScratch.AsSpan().SequenceEqual(actualScratch))
            throw new CommandException($"{name}: the engines differ: {expected} and {actual}.");
    }

    private static double Milliseconds(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static void Write(TextWriter output, VerificationTimes times) => output.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"verification of {times.Instructions} instructions: {times.MedianMs:0.00} ms ({times.MinMs:0.00} to {times.MaxMs:0.00}), {times.Processed} processed"));

    private static void Write(TextWriter output, FunctionTimes times)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{times.Function}: {times.Slots} slots, verified in {times.VerifyMs} ms, compiled in {times.CompileMs} ms"));
        Row("interpreter", times.Interpreter, "");
        Row("jit", times.Jit, string.Create(CultureInfo.InvariantCulture, $"{times.JitOverInterpreter:0.0}x the interpreter's speed"));
        if (times.HandWritten is { } handWritten)
            Row("C# by hand", handWritten, string.Create(CultureInfo.InvariantCulture, $"jit at {times.JitOverHandWritten:0.00}x of its speed"));

        void Row(string engine, EngineTimes time, string note) => output.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"  {engine,-12} {time.MedianNs,12:N1} ns a run  ({time.MinNs:N1} to {time.MaxNs:N1})  {note}").TrimEnd());
    }
}
