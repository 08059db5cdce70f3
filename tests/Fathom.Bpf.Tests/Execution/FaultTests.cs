using Fathom.Bpf.Assembly;
using Fathom.Bpf.Execution;

namespace Fathom.Bpf.Tests.Execution;

/// <summary>Hostile programs that nobody verified: each ends with its fault, in both engines.</summary>
public class FaultTests
{
    [Theory]
    [InlineData("r0 = *(u64 *)(r1 + 505)", 0)]
    [InlineData("r0 = *(u8 *)(r1 + 512)", 0)]
    [InlineData("r0 = *(u8 *)(r1 - 1)", 0)]
    [InlineData("*(u8 *)(r1 + 512) = 1", 0)]
    [InlineData("r1 += -1\nr0 = *(u16 *)(r1 + 0)", 1)]
    [InlineData("r2 = 0x8000000000000000 ll\nr1 += r2\nr0 = *(u8 *)(r1 + 0)", 3)]
    [InlineData("r0 = *(u64 *)(r10 + 0)", 0)]
    [InlineData("r0 = *(u64 *)(r10 - 4097)", 0)]
    [InlineData("r2 = 0\nr0 = *(u8 *)(r2 + 0)", 1)]
    [InlineData("r2 = -1\nr0 = *(u64 *)(r2 + 0)", 1)]
    [InlineData("r2 = 1\nlock *(u64 *)(r1 + 512) += r2", 1)]
    public void Access_OutsideOfMemory_Faults(string text, int instruction)
    {
        var outcome = BothEngines.Run($"{text}\nr0 = 0\nexit", new byte[512]);
        Assert.Equal((RunFault.MemoryOutOfBounds, instruction), (outcome.Fault, outcome.Instruction));
    }

    [Fact]
    public void Access_AtTheLastByte_Works()
    {
        var memory = new byte[512];
        memory[511] = 7;
        Assert.Equal(7u, BothEngines.Result("r0 = *(u8 *)(r1 + 511)\nexit", memory));
        Assert.Equal(7UL << 56, BothEngines.Result("r0 = *(u64 *)(r1 + 504)\nexit", memory));
    }

    [Fact]
    public void Atomic_Misaligned_Faults()
    {
        var outcome = BothEngines.Run("r2 = 1\nlock *(u64 *)(r1 + 4) += r2\nr0 = 0\nexit", new byte[16]);
        Assert.Equal((RunFault.MisalignedAtomic, 1), (outcome.Fault, outcome.Instruction));
    }

    [Theory]
    [InlineData("l: goto l")]
    [InlineData("l: gotol l")]
    [InlineData("r1 = 0\nl: if r1 == 0 goto l\nexit")]
    [InlineData("l: call f\ngoto l\nf: r0 = 1\nexit")]
    public void EndlessLoop_RunsOutOfFuel(string text) => Assert.Equal(RunFault.OutOfFuel, BothEngines.Run(text).Fault);

    [Fact]
    public void Fuel_IsWhatBackwardJumpsAndCallsCost()
    {
        const string Text = "r0 = 5\nl: r0 += -1\nif r0 != 0 goto l\nexit";
        Assert.True(BothEngines.Run(Text, limits: new ExecutionLimits(4, 8)).IsReturn);
        Assert.Equal(RunFault.OutOfFuel, BothEngines.Run(Text, limits: new ExecutionLimits(3, 8)).Fault);
    }

    [Theory]
    [InlineData("f: call f\nexit")]
    [InlineData("call a\nexit\na: call b\nexit\nb: call a\nexit")]
    public void Recursion_EndsAtTheDepthLimit(string text)
    {
        Assert.Equal(RunFault.CallTooDeep, BothEngines.Run(text).Fault);
    }

    [Theory]
    [InlineData("call 4711\nexit")]
    [InlineData("call no_such_kfunc\nexit")]
    [InlineData("r1 = -1\ncallx r1\nexit")]
    public void UnknownFunction_Faults(string text) => Assert.Equal(RunFault.UnknownFunction, BothEngines.Run(text).Fault);

    [Fact]
    public void HelperArgument_OutsideOfMemory_Faults()
    {
        var outcome = BothEngines.Run("r1 = 0\nr2 = 64\ncall 6\nexit");
        Assert.Equal((RunFault.MemoryOutOfBounds, 2), (outcome.Fault, outcome.Instruction));
    }

    [Fact]
    public void MapArgument_ThatIsNone_Faults()
    {
        var outcome = BothEngines.Run("r2 = r1\nr1 = 5\ncall 1\nexit", new byte[8]);
        Assert.Equal((RunFault.BadArgument, 2), (outcome.Fault, outcome.Instruction));
    }

    [Fact]
    public void Fault_InASubprogram_NamesItsInstruction()
    {
        var outcome = BothEngines.Run("call f\nr0 = 7\nexit\nf: r1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit");
        Assert.Equal((RunFault.MemoryOutOfBounds, 4, 0UL), (outcome.Fault, outcome.Instruction, outcome.Result));
    }

    [Theory]
    [InlineData(".slot 0xff", "opcode 0xff does not exist")]
    [InlineData(".slot 0x18\n", "second slot")]
    [InlineData("goto +1\nr0 = 0", "is outside")]
    [InlineData("goto +1\nr0 = 5 ll\nexit", "second slot of a 64-bit immediate")]
    [InlineData("r0 = 0", "control runs off the end")]
    [InlineData(".slot 0xab7", "register r10 does not exist|read-only")]
    public void Create_NoProgram_IsTurnedDown(string text, string problem)
    {
        var program = Assembler.Assemble(text);
        var error = Assert.Throws<BindingException>(() => Interpreter.CreateChecked(program, ProgramBinding.Standard));
        Assert.Contains(problem.Split('|'), part => error.Message.Contains(part, StringComparison.Ordinal));
        Assert.Throws<BindingException>(() => CompiledProgram.CompileChecked(program, ProgramBinding.Standard));
    }
}
