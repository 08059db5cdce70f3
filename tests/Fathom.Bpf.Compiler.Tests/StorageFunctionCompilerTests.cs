using Fathom.Bpf.Assembly;
using Fathom.Bpf.Authoring;
using Fathom.Bpf.Execution;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Verification;
using Fathom.Memory;

namespace Fathom.Bpf.Compiler.Tests;

public unsafe class StorageFunctionCompilerTests
{
    private const int BlockBytes = 512;
    private const int ScratchBytes = 256;

    public static TheoryData<string> Functions() => ["Arithmetic", "Conditions", "Loops", "Calls", "Pressure"];

    [Theory]
    [MemberData(nameof(Functions))]
    public void Function_InAllThreeWays_GivesTheSame(string name)
    {
        var function = (StepFunction)Delegate.CreateDelegate(typeof(StepFunction), typeof(EveryConstruct), name);
        var verified = Verified(StorageFunctionCompiler.Compile(function));
        var random = new Random(11);
        for (var round = 0; round < 50; round++)
        {
            var block = new byte[BlockBytes];
            random.NextBytes(block);
            if (round % 3 == 0)
                block.AsSpan(3, 5).Clear();
            var expected = Run(memory => DirectStep.Run(function, memory), block, new byte[ScratchBytes]);
            AssertSame(expected, Run(memory => Result(Interpreter.Create(verified, ProgramBinding.Standard).Run(memory, ExecutionLimits.Default)), block, new byte[ScratchBytes]), verified);
            AssertSame(expected, Run(memory => Result(CompiledProgram.Compile(verified, ProgramBinding.Standard).Run(memory, ExecutionLimits.Default)), block, new byte[ScratchBytes]), verified);
        }
    }

    [Fact]
    public void TreeWalk_InAllThreeWays_FindsTheSame()
    {
        var verified = Verified(StorageFunctionCompiler.Compile(TreeWalk.Step));
        var interpreter = Interpreter.Create(verified, ProgramBinding.Standard);
        var compiled = CompiledProgram.Compile(verified, ProgramBinding.Standard);
        var tree = new TreeFile(levels: 3);
        for (ulong key = 0; key < 31 * 31 * 31 * 2 + 5; key += 97)
        {
            var expected = tree.Walk(key, memory => DirectStep.Run(TreeWalk.Step, memory));
            Assert.Equal(key % 2 == 0 && key < 31 * 31 * 31 * 2 ? key * 10 : null, expected);
            Assert.Equal(expected, tree.Walk(key, memory => Result(interpreter.Run(memory, ExecutionLimits.Default))));
            Assert.Equal(expected, tree.Walk(key, memory => Result(compiled.Run(memory, ExecutionLimits.Default))));
        }
    }

    [Fact]
    public void License_IsTheAttributes_AndNoneByItself()
    {
        Assert.Equal("GPL", StorageFunctionCompiler.Compile(TreeWalk.Step).License);
        Assert.Equal("", StorageFunctionCompiler.Compile(EveryConstruct.Loops).License);
    }

    [Fact]
    public void ShortBlock_IsTheFunctionsError()
    {
        var verified = Verified(StorageFunctionCompiler.Compile(TreeWalk.Step));
        var (result, _, _) = Run(memory => Result(CompiledProgram.Compile(verified, ProgramBinding.Standard).Run(memory, ExecutionLimits.Default)), new byte[sizeof(TreeWalk.Node) - 1], new byte[ScratchBytes]);
        Assert.Equal(-5, result);
    }

    [Fact]
    public void Program_KnowsItsSourceLines()
    {
        var program = StorageFunctionCompiler.Compile(TreeWalk.Step);
        Assert.Contains(program.SourceLines, line => line.File.EndsWith("TreeWalk.cs", StringComparison.Ordinal) && line.Line > 20);
        Assert.Equal(["fathom_data", "fathom_scratch"], program.Kfuncs.AsEnumerable());
    }

    [Theory]
    [InlineData(nameof(Unsupported.Allocates), "allocates nothing")]
    [InlineData(nameof(Unsupported.Throws), "negative error")]
    [InlineData(nameof(Unsupported.Catches), "cannot throw or catch")]
    [InlineData(nameof(Unsupported.UsesStatic), "no static fields")]
    [InlineData(nameof(Unsupported.UsesDouble), "floating-point")]
    [InlineData(nameof(Unsupported.CallsVirtual), "has no place in eBPF")]
    [InlineData(nameof(Unsupported.TakesManyArguments), "at most 5")]
    [InlineData(nameof(Unsupported.UsesString), "no strings")]
    public void Unsupported_IsAnErrorAtItsLine(string name, string problem)
    {
        var function = (StepFunction)Delegate.CreateDelegate(typeof(StepFunction), typeof(Unsupported), name);
        var error = Assert.Throws<CompileException>(() => StorageFunctionCompiler.Compile(function));
        Assert.Contains(problem.Split('|'), part => error.Problem.Contains(part, StringComparison.Ordinal));
        Assert.EndsWith("Unsupported.cs", error.File, StringComparison.Ordinal);
        Assert.True(error.Line > 0);
    }

    [Fact]
    public void EndlessLoop_IsRefusedByTheVerifier_AtItsLine()
    {
        var program = StorageFunctionCompiler.Compile(Unsupported.NeverEnds);
        var rejection = Assert.IsType<Rejection>(Verifier.Verify(program, ProgramType.StorageFunction));
        Assert.EndsWith("Unsupported.cs", program.SourceLineOf(rejection.InstructionIndex)!.Value.File, StringComparison.Ordinal);
    }

    [Fact]
    public void Method_WithoutTheAttribute_IsNoStorageFunction() =>
        Assert.Throws<CompileException>(() => StorageFunctionCompiler.Compile(NoFunction));

    private static int NoFunction(ref StepContext context) => (int)context.Hop;

    private static VerifiedProgram Verified(BpfProgram program) => Verifier.Verify(program, ProgramType.StorageFunction) switch
    {
        VerifiedProgram verified => verified,
        var rejection => throw new InvalidOperationException($"{rejection}\n{(rejection as Rejection)?.RegisterState}\n{Disassembler.Disassemble(program)}"),
    };

    private static int Result(RunOutcome outcome)
    {
        Assert.True(outcome.IsReturn, outcome.ToString());
        return (int)outcome.Result;
    }

    private static (int Result, byte[] Context, byte[] Scratch) Run(Func<ProgramMemory, int> run, byte[] block, byte[] scratch)
    {
        using var context = NativeBuffer.Allocate(sizeof(StepContext));
        using var data = NativeBuffer.Allocate(block.Length);
        using var work = NativeBuffer.Allocate(scratch.Length);
        block.CopyTo(data.View.AsSpan<byte>());
        scratch.CopyTo(work.View.AsSpan<byte>());
        var result = run(new ProgramMemory(context.View, data.View, work.View));
        return (result, context.View.AsSpan<byte>().ToArray(), work.View.AsSpan<byte>().ToArray());
    }

    private static void AssertSame((int Result, byte[] Context, byte[] Scratch) expected, (int Result, byte[] Context, byte[] Scratch) actual, VerifiedProgram program)
    {
        var isSame = expected.Result == actual.Result && expected.Context.AsSpan().SequenceEqual(actual.Context) && expected.Scratch.AsSpan().SequenceEqual(actual.Scratch);
        var first = expected.Scratch.AsSpan().CommonPrefixLength(actual.Scratch) / 8;
        Assert.True(isSame, isSame ? "" : $"{expected.Result} and {actual.Result}; first different number {first}\n{Disassembler.Disassemble(program.Program)}");
    }
}
