using Fathom.Bpf.Assembly;
using Fathom.Bpf.Execution;
using Fathom.Bpf.Instructions;
using Fathom.Memory;

namespace Fathom.Bpf.Tests.Execution;

/// <summary>Runs programs with checks in the interpreter and compiled, and insists on one outcome.</summary>
internal static class BothEngines
{
    public static RunOutcome Run(string text, byte[]? memory = null, ExecutionLimits? limits = null) => Run(Assembler.Assemble(text), ProgramBinding.Standard, memory, limits);

    /// <summary>The outcome; <paramref name="memory"/> is changed as the program changed it.</summary>
    public static RunOutcome Run(BpfProgram program, ProgramBinding binding, byte[]? memory = null, ExecutionLimits? limits = null)
    {
        var content = memory ?? [];
        var (interpreted, first) = Run(content, program, view => Interpreter.CreateChecked(program, binding).Run(view, limits ?? ExecutionLimits.Default));
        var (compiled, second) = Run(content, program, view => CompiledProgram.CompileChecked(program, binding).Run(view, limits ?? ExecutionLimits.Default));
        // Faults name addresses, which differ from run to run.
        Assert.Equal(interpreted with { Address = 0 }, compiled with { Address = 0 });
        Assert.Equal(first, second);
        first.CopyTo(content, 0);
        return compiled;
    }

    /// <summary>R0 of a program that must return.</summary>
    public static ulong Result(string text, byte[]? memory = null)
    {
        var outcome = Run(text, memory);
        Assert.True(outcome.IsReturn, outcome.ToString());
        return outcome.Result;
    }

    private static (RunOutcome Outcome, byte[] Memory) Run(byte[] content, BpfProgram program, Func<ProgramMemory, RunOutcome> run)
    {
        using var buffer = NativeBuffer.Allocate(Math.Max(8, content.Length));
        var view = buffer.View.Slice(0, content.Length);
        content.CopyTo(view.AsSpan<byte>());
        var outcome = run(new ProgramMemory(view));
        return (outcome, view.AsSpan<byte>().ToArray());
    }
}
