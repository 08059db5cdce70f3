using Fathom.Bpf.Assembly;
using Fathom.Bpf.Execution;
using Fathom.Bpf.Instructions;
using Fathom.Memory;

namespace Fathom.Bpf.Tests.Conformance;

public class ConformanceTests
{
    private const string NoData = "../shared/data/bpf-conformance is not there";

    /// <summary>The functions that the suite's programs call, by the numbers that they use.</summary>
    private static readonly ProgramBinding Binding = new()
    {
        Helpers = HelperTable.Standard.WithHelper(5, (ref BpfRun _, ulong r1, ulong _, ulong _, ulong _, ulong _) => r1),
    };

    public static TheoryData<string> Cases() => ConformanceCase.Folder is { } folder
        ? [.. Directory.EnumerateFiles(folder, "*.data").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)]
        : [""];

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public void Program_Interpreted_GivesTheResult(string file)
    {
        var data = Open(file);
        var program = data.TryRead();
        Assert.True(program is not null || data.ExpectsError, "refused");
        var outcome = program is null ? default : Run(program, data.Memory);
        if (data.ExpectsError)
            Assert.True(program is null || !outcome.IsReturn);
        else
            Assert.Equal(new RunOutcome(data.Result, RunFault.None, -1, 0), outcome);
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public void Program_Compiled_GivesWhatTheInterpreterGives(string file)
    {
        var data = Open(file);
        var program = data.TryRead();
        Skip.If(program is null, "no program, as expected");
        using var ours = NativeBuffer.Allocate(Math.Max(1, data.Memory.Length));
        using var theirs = NativeBuffer.Allocate(Math.Max(1, data.Memory.Length));
        data.Memory.CopyTo(ours.View.AsSpan<byte>());
        data.Memory.CopyTo(theirs.View.AsSpan<byte>());
        var interpreted = Interpreter.CreateChecked(program, Binding).Run(new ProgramMemory(ours.View.Slice(0, data.Memory.Length)), ExecutionLimits.Default);
        var compiled = CompiledProgram.CompileChecked(program, Binding).Run(new ProgramMemory(theirs.View.Slice(0, data.Memory.Length)), ExecutionLimits.Default);
        Assert.Equal(interpreted, compiled);
        Assert.Equal(ours.View.AsSpan<byte>(), theirs.View.AsSpan<byte>());
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public void Program_Disassembled_AssemblesToTheSameSlots(string file)
    {
        var program = Open(file).TryRead();
        Skip.If(program is null, "no program, as expected");
        foreach (var syntax in Enum.GetValues<AssemblySyntax>())
        {
            var again = Assembler.Assemble(Disassembler.Disassemble(program, syntax));
            Assert.Equal(program.Instructions.AsEnumerable(), again.Instructions);
        }
    }

    [SkippableFact]
    public void RawSections_AreTheTextsBytes()
    {
        Skip.If(ConformanceCase.Folder is null, NoData);
        foreach (var data in Directory.EnumerateFiles(ConformanceCase.Folder!, "*.data").Select(ConformanceCase.Read).Where(data => data.HasRaw && data.HasText))
            Assert.Equal(data.FromRaw().Instructions.AsEnumerable(), data.FromText().Instructions);
    }

    private static ConformanceCase Open(string file)
    {
        Skip.If(ConformanceCase.Folder is null, NoData);
        var data = ConformanceCase.Read(Path.Combine(ConformanceCase.Folder!, file));
        Skip.IfNot(data.HasText || data.HasRaw, "a file without a program");
        return data;
    }

    private static RunOutcome Run(BpfProgram program, byte[] memory)
    {
        using var buffer = NativeBuffer.Allocate(Math.Max(1, memory.Length));
        memory.CopyTo(buffer.View.AsSpan<byte>());
        return Interpreter.CreateChecked(program, Binding).Run(new ProgramMemory(buffer.View.Slice(0, memory.Length)), ExecutionLimits.Default);
    }
}
