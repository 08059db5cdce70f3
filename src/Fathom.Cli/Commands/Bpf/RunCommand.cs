using System.CommandLine;
using System.Globalization;
using Fathom.Bpf.Execution;
using Fathom.Bpf.Maps;
using Fathom.Cli.CommandLine;

namespace Fathom.Cli.Commands.Bpf;

/// <summary>`fathom bpf run`: one step of a storage function over a block given as a file.</summary>
internal static class RunCommand
{
    private static readonly Setting<bool> Compiled = Settings.Choice("--engine", "Compiled code, or the interpreter.", true, ("jit", true), ("interpreter", false));
    private static readonly Setting<string?> ScratchOutput = Settings.Text("--scratch-out", "FILE", "Where to write the scratch memory after the run.");

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "run", "Verifies a storage function and runs one step of it.", "fathom bpf run functions/kv_get_u64.bpf.o --data block.bin --scratch request.bin --scratch-out result.bin",
        [SelectedProgram.ObjectPath, SelectedProgram.Name.Option, SelectedProgram.Type.Option, StorageRun.DataFile.Option, StorageRun.ScratchFile.Option, StorageRun.ScratchBytes.Option, ScratchOutput.Option, Compiled.Option],
        terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        var output = invocation.Terminal.Output;
        var program = SelectedProgram.ReadVerified(options.GetRequiredValue(SelectedProgram.ObjectPath), options);
        using var run = StorageRun.Read(program, options);
        using var maps = MapSet.Create(program.Program);
        var binding = ProgramBinding.Standard with { Maps = maps, Trace = message => invocation.Terminal.Error.WriteLine($"trace: {message}") };
        var outcome = Compiled.Read(options)
            ? CompiledProgram.Compile(program, binding).Run(run.Memory, ExecutionLimits.Default)
            : Interpreter.Create(program, binding).Run(run.Memory, ExecutionLimits.Default);
        if (!outcome.IsReturn)
            throw new CommandException($"{program.Program.Name}: {outcome}");
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"returned {(int)outcome.Result}"));
        foreach (var line in run.Requests())
            await output.WriteLineAsync(line);
        if (ScratchOutput.Read(options) is { } path)
            await File.WriteAllBytesAsync(path, run.Memory.Scratch.AsSpan<byte>().ToArray(), cancellation);
    }
}
