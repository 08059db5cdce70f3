using Fathom.Bpf.Assembly;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Tests.Assembly;

public class AssemblerTests
{
    [Theory]
    [InlineData("r0 = r1", "mov %r0, %r1", 0x00000000_0000_10_bf)]
    [InlineData("w0 = 5", "mov32 %r0, 5", 0x00000005_0000_00_b4)]
    [InlineData("if r1 s> 5 goto +3", "jsgt %r1, 5, +3", 0x00000005_0003_01_65)]
    [InlineData("if w1 != w2 goto -2", "jne32 %r1, %r2, -2", 0x00000000_fffe_21_5e)]
    [InlineData("*(u32 *)(r1 + 4) = w2", "stxw [%r1+4], %r2", 0x00000000_0004_21_63)]
    [InlineData("*(u8 *)(r10 - 1) = 7", "stb [%r10-1], 7", 0x00000007_ffff_0a_72)]
    [InlineData("r0 = *(s16 *)(r1 + 2)", "ldxsh %r0, [%r1+2]", 0x00000000_0002_10_89)]
    [InlineData("lock *(u64 *)(r10 - 8) += r2", "lock add [%r10-8], %r2", 0x00000000_fff8_2a_db)]
    [InlineData("w3 = atomic_fetch_xor((u32 *)(r1 + 0), w3)", "lock fetch xor32 [%r1], %r3", 0x000000a1_0000_31_c3)]
    [InlineData("r0 = cmpxchg_64(r10 - 8, r0, r1)", "lock cmpxchg [%r10-8], %r1", 0x000000f1_fff8_1a_db)]
    [InlineData("r0 = be16 r0", "be16 %r0", 0x00000010_0000_00_dc)]
    [InlineData("r0 = bswap64 r0", "swap64 %r0", 0x00000040_0000_00_d7)]
    [InlineData("r3 s/= r4", "sdiv %r3, %r4", 0x00000000_0001_43_3f)]
    [InlineData("w0 = (s8)w1", "movsx832 %r0, %r1", 0x00000000_0008_10_bc)]
    [InlineData("r1 = -r1", "neg %r1", 0x00000000_0000_01_87)]
    [InlineData("goto -1", "ja -1", 0x00000000_ffff_00_05)]
    [InlineData("gotol +70000", "ja32 +70000", 0x00011170_0000_00_06)]
    [InlineData("call 12", "call 12", 0x0000000c_0000_00_85)]
    [InlineData("call pc+4", "call local +4", 0x00000004_0000_10_85)]
    [InlineData("w5 = load_acquire((u32 *)(r1 + 8))", "ldacqw %r5, [%r1+8]", 0x00000100_0008_15_c3)]
    [InlineData("store_release((u8 *)(r1 + 8), w5)", "strelb [%r1+8], %r5", 0x00000110_0008_51_d3)]
    [InlineData("exit", "exit", 0x00000000_0000_00_95)]
    public void Line_InBothSyntaxes_IsThisSlot(string statement, string mnemonic, long slot)
    {
        var expected = BpfInstruction.Read(BitConverter.GetBytes(slot));
        Assert.Equal(expected, Assembler.Assemble(statement).Instructions.Single());
        Assert.Equal(expected, Assembler.Assemble(mnemonic).Instructions.Single());
    }

    /// <summary>Published encoding: the raw section of the conformance suite's lddw program.</summary>
    [Fact]
    public void WideImmediate_TakesTwoSlots()
    {
        byte[] expected = [.. BitConverter.GetBytes(0x5566778800000018), .. BitConverter.GetBytes(0x1122334400000000)];
        Assert.Equal(expected, Assembler.Assemble("r0 = 0x1122334455667788 ll").ToBytes());
        Assert.Equal(expected, Assembler.Assemble("lddw %r0, 0x1122334455667788").ToBytes());
    }

    [Fact]
    public void AnySlots_Disassembled_AssembleToTheSame()
    {
        var random = new Random(4711);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new byte[8 * random.Next(1, 6)];
            random.NextBytes(bytes);
            // Nearly all random registers do not exist: half of the rounds get ones that do, and plausible fields.
            for (var slot = 0; round % 2 == 0 && slot < bytes.Length; slot += 8)
            {
                bytes[slot + 1] = (byte)(random.Next(11) | (random.Next(11) << 4));
                if (random.Next(2) == 0)
                    bytes.AsSpan(slot + 2, 6).Clear();
                if (random.Next(2) == 0)
                    bytes[slot + 4] = (byte)random.Next(256);
            }
            var program = BpfProgram.FromBytes("random", bytes);
            foreach (var syntax in Enum.GetValues<AssemblySyntax>())
            {
                var text = Disassembler.Disassemble(program, syntax);
                Assert.True(Assembler.Assemble(text).ToBytes().AsSpan().SequenceEqual(bytes), text);
            }
        }
    }

    [Fact]
    public void EveryWellFormedInstruction_HasAText()
    {
        var count = 0;
        for (var opcode = 0; opcode < 256; opcode++)
        {
            foreach (var (offset, immediate) in ((short, int)[])[(0, 0), (1, 0), (8, 0), (16, 0), (32, 0), (0, 16), (0, 32), (0, 64), (0, 1), (0, 0xf1), (0, 0x100)])
            {
                foreach (var source in (int[])[0, 1])
                {
                    var slot = new BpfInstruction((byte)opcode, 1, source, offset, immediate);
                    var program = new BpfProgram("one", [slot, new BpfInstruction(0, 0, 0, 0, 0)]);
                    if (InstructionRules.FindViolation(program) is { Instruction: 0 } violation && !violation.Reason.Contains("target", StringComparison.Ordinal))
                        continue;
                    count++;
                    Assert.DoesNotContain(".slot", Disassembler.Format(program, 0), StringComparison.Ordinal);
                    Assert.DoesNotContain(".slot", Disassembler.Format(program, 0, AssemblySyntax.Mnemonic), StringComparison.Ordinal);
                }
            }
        }
        Assert.True(count > 400, $"{count} instructions");
    }

    [Fact]
    public void Labels_JumpForwardAndBack()
    {
        var program = Assembler.Assemble("top: r0 += 1 # comment\nif r0 < 5 goto top\njeq %r0, 9, end ; another\ncall sub\nend: exit\nsub:\nr0 = 1 // last\nexit");
        Assert.Equal([-2, 1], program.Instructions.Where(slot => slot.IsJump).Select(slot => (int)slot.Offset));
        Assert.Equal([0, 5], program.SubprogramEntries.AsEnumerable());
    }

    [Fact]
    public void References_ToMapsAndKfuncs_KeepTheirIndexes()
    {
        var program = Assembler.Assemble("r1 = map(2) ll\nr2 = map_value(0, 16) ll\ncall fathom_data\ncall fathom_scratch\ncall fathom_data\nexit");
        Assert.Equal(["fathom_data", "fathom_scratch"], program.Kfuncs.AsEnumerable());
        Assert.Equal((int)WideImmediateKind.Map, program.Instructions[0].Source);
        Assert.Equal((0, 16), (program.Instructions[2].Immediate, program.Instructions[3].Immediate));
        Assert.Equal([0, 1, 0], program.Instructions.Where(slot => slot.Opcode == Opcodes.Call).Select(slot => slot.Immediate));
    }

    [Fact]
    public void SourceLines_AreTheTextsLines()
    {
        var program = Assembler.Assemble("\nr0 = 1 ll\n\nexit", "text");
        Assert.Equal([2, 2, 4], Enumerable.Range(0, 3).Select(slot => program.SourceLineOf(slot)!.Value.Line));
    }

    [Theory]
    [InlineData("", "no instruction")]
    [InlineData("r11 = 5", "register r11 does not exist")]
    [InlineData("r0 == 5", "'==' is no assignment")]
    [InlineData("frobnicate %r0", "no instruction begins so")]
    [InlineData("goto nowhere", "label 'nowhere' does not exist")]
    [InlineData("a: exit\na: exit", "label 'a' stands twice")]
    [InlineData("r0 = 0x100000000", "does not fit into 32 bits")]
    [InlineData("r0 = *(u64 *)(r1 + 40000)", "does not fit into an offset")]
    [InlineData("exit exit", "'exit' is left over")]
    [InlineData("ldxw %r0, [%r1+4", "']' is missing")]
    [InlineData("lock frob [%r1], %r2", "'frob' is no atomic operation")]
    [InlineData("r0 = be16 r1", "one register")]
    [InlineData("if r0 ~ 5 goto +1", "no comparison")]
    [InlineData("r0 = *(u63 *)(r1 + 0)", "'u63' is no type of memory")]
    public void Text_ThatIsNone_IsNamed(string text, string problem)
    {
        var error = Assert.Throws<InvalidProgramTextException>(() => Assembler.Assemble(text, "text"));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.StartsWith("text", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(12)]
    public void Bytes_OfNoWholeSlots_AreNamed(int length) =>
        Assert.Throws<InvalidProgramTextException>(() => BpfProgram.FromBytes("bytes", new byte[length]));
}
