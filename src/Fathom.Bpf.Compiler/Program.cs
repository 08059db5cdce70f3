using Fathom.Bpf;
using Fathom.Bpf.Compiler;
using Fathom.Bpf.Verification;

// The build tool: every storage function of an assembly is compiled and verified. Messages are in the form that MSBuild shows
// at the source line.
if (args.Length == 0 || args[0] is "-h" or "--help")
{
    await Console.Error.WriteLineAsync("usage: fathom-bpf-compiler ASSEMBLY.dll [REFERENCE-FOLDER]…\nCompiles and verifies the storage functions of an assembly.");
    return args.Length == 0 ? 2 : 0;
}
try
{
    var rejected = 0;
    foreach (var program in StorageFunctionCompiler.CompileAssembly(args[0], args[1..]))
    {
        if (Verifier.Verify(program, ProgramType.StorageFunction) is Rejection rejection)
        {
            rejected++;
            var line = program.SourceLineOf(rejection.InstructionIndex);
            await Console.Error.WriteLineAsync($"{Position(line?.File, line?.Line)}: error FBPF002: {program.Name}: {rejection.Message}");
            continue;
        }
        await Console.Out.WriteLineAsync($"{program.Name}: {program.Instructions.Length} eBPF instructions, verified");
    }
    return rejected == 0 ? 0 : 1;
}
catch (CompileException error)
{
    await Console.Error.WriteLineAsync($"{Position(error.File, error.Line)}: error FBPF001: {error.Method}: {error.Problem}");
    return 1;
}
catch (Exception error) when (error is IOException or BadImageFormatException or UnauthorizedAccessException or BpfException)
{
    await Console.Error.WriteLineAsync($"{args[0]}: error FBPF003: {error.Message.ReplaceLineEndings(" ")}");
    return 1;
}

static string Position(string? file, int? line) => string.IsNullOrEmpty(file) ? "fathom-bpf-compiler" : $"{file}({line})";
