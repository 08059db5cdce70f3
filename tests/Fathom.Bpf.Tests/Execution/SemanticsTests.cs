using Fathom.Bpf.Assembly;
using Fathom.Bpf.Execution;
using Fathom.Bpf.Verification;
using Fathom.Memory;

namespace Fathom.Bpf.Tests.Execution;

/// <summary>Where RFC 9669 says something that is easily got wrong; every line runs in both engines.</summary>
public class SemanticsTests
{
    private const ulong Least64 = 1UL << 63;

    [Theory]
    [InlineData("r0 /= r1", 7, 0, 0)]
    [InlineData("w0 /= w1", 0x1_0000_0007, 0, 0)]
    [InlineData("w0 /= w1", 9, 0x5_0000_0000, 0)]
    [InlineData("r0 s/= r1", 7, 0, 0)]
    [InlineData("w0 s/= w1", 7, 0, 0)]
    [InlineData("r0 %= r1", 0x1_0000_0007, 0, 0x1_0000_0007)]
    [InlineData("w0 %= w1", 0x1_0000_0007, 0, 7)]
    [InlineData("r0 s%= r1", ulong.MaxValue, 0, ulong.MaxValue)]
    [InlineData("w0 s%= w1", ulong.MaxValue, 0, 0xffff_ffff)]
    public void Division_ByZero_IsDefined(string line, ulong r0, ulong r1, ulong result) => Assert.Equal(result, Compute(line, r0, r1));

    [Theory]
    [InlineData("r0 s/= r1", Least64, ulong.MaxValue, Least64)]
    [InlineData("r0 s%= r1", Least64, ulong.MaxValue, 0)]
    [InlineData("w0 s/= w1", 0x8000_0000, 0xffff_ffff, 0x8000_0000)]
    [InlineData("w0 s%= w1", 0x8000_0000, 0xffff_ffff, 0)]
    [InlineData("r0 s/= -1", Least64, 0, Least64)]
    [InlineData("w0 s%= -1", 0x8000_0000, 0, 0)]
    public void Division_LeastByMinusOne_IsDefined(string line, ulong r0, ulong r1, ulong result) => Assert.Equal(result, Compute(line, r0, r1));

    [Theory]
    [InlineData("r0 s/= r1", unchecked((ulong)-13), 4, unchecked((ulong)-3))]
    [InlineData("r0 s%= r1", unchecked((ulong)-13), 4, unchecked((ulong)-1))]
    [InlineData("r0 s%= r1", 13, unchecked((ulong)-4), 1)]
    [InlineData("w0 s/= w1", 0xffff_fff3, 4, 0xffff_fffd)]
    [InlineData("r0 /= -10", ulong.MaxValue, 0, 1)]
    [InlineData("r0 %= -1", 0x1_0000_0000, 0, 0x1_0000_0000)]
    public void Division_SignedTruncates_ImmediatesSignExtend(string line, ulong r0, ulong r1, ulong result) => Assert.Equal(result, Compute(line, r0, r1));

    /// <summary>Found by the fuzzer: in a loop, with registers scarce, the compiled division left the low half of its divisor behind.</summary>
    [Theory]
    [InlineData("w2 /= w3")]
    [InlineData("w2 %= w3")]
    [InlineData("w2 s/= w3")]
    [InlineData("w2 s%= w3")]
    public void Division_In32Bits_LeavesItsDivisorWhole(string division)
    {
        var program = Accepted(ProgramType.StorageFunction, $"""
            r6 = r1
            r2 = 0
            r3 = 64
            call fathom_data
            if r0 != 0 goto +1
            exit
            r7 = r0
            r1 = r6
            r2 = 0
            r3 = 256
            call fathom_scratch
            if r0 != 0 goto +1
            exit
            r8 = r0
            r0 = 167
            r1 = 155
            r2 = 0xc948c8a06444ef8f ll
            *(u64 *)(r10 - 32) = 1574828577
            *(u64 *)(r10 - 64) = 245
            r4 = *(u64 *)(r7 + 55)
            r5 = *(u16 *)(r10 - 32)
            r3 = *(s8 *)(r8 + 227)
            r9 = 1
            {division}
            r9 -= 1
            if r9 != 0 goto -3
            lock *(u64 *)(r8 + 224) |= r3
            lock *(u32 *)(r10 - 64) ^= w1
            r0 ^= r2
            r0 ^= r3
            r0 += r5
            exit
            """);
        using var context = NativeBuffer.Allocate(224);
        using var data = NativeBuffer.Allocate(64);
        using var scratch = NativeBuffer.Allocate(256);
        scratch.View.AsSpan<byte>()[227] = 0x9b; // -101
        var outcome = CompiledProgram.Compile(program, ProgramBinding.Standard).Run(new ProgramMemory(context.View, data.View, scratch.View), ExecutionLimits.Default);
        Assert.True(outcome.IsReturn, outcome.ToString());
        Assert.Equal(unchecked((ulong)-101 | 0x9b00_0000), scratch.View.AsSpan<ulong>()[28]);
    }

    [Theory]
    [InlineData("w0 += w1", ulong.MaxValue, 1, 0)]
    [InlineData("w0 -= w1", 0, 1, 0xffff_ffff)]
    [InlineData("w0 *= w1", 0xffff_ffff, 0xffff_ffff, 1)]
    [InlineData("w0 |= w1", 0x1_0000_0000, 0, 0)]
    [InlineData("w0 ^= w1", ulong.MaxValue, 0, 0xffff_ffff)]
    [InlineData("w0 &= -1", ulong.MaxValue, 0, 0xffff_ffff)]
    [InlineData("w0 = w1", 0, ulong.MaxValue, 0xffff_ffff)]
    [InlineData("w0 = -1", 0, 0, 0xffff_ffff)]
    [InlineData("w0 = -w0", 1, 0, 0xffff_ffff)]
    [InlineData("r0 = -r0", Least64, 0, Least64)]
    [InlineData("r0 = -1", 0, 0, ulong.MaxValue)]
    [InlineData("r0 += -1", 0, 0, ulong.MaxValue)]
    [InlineData("r0 &= -2", ulong.MaxValue, 0, ulong.MaxValue - 1)]
    public void Arithmetic_In32Bits_ZeroExtends_AndImmediatesSignExtend(string line, ulong r0, ulong r1, ulong result) => Assert.Equal(result, Compute(line, r0, r1));

    [Theory]
    [InlineData("r0 <<= r1", 1, 64, 1)]
    [InlineData("r0 <<= r1", 1, 127, Least64)]
    [InlineData("w0 <<= w1", 1, 33, 2)]
    [InlineData("r0 >>= r1", Least64, 65, Least64 >> 1)]
    [InlineData("w0 >>= w1", 0x1_8000_0000, 31, 1)]
    [InlineData("r0 s>>= r1", Least64, 63, ulong.MaxValue)]
    [InlineData("w0 s>>= w1", 0x8000_0000, 31, 0xffff_ffff)]
    [InlineData("w0 s>>= 4", 0x8_0000_0000, 0, 0)]
    public void Shifts_MaskTheirDistance(string line, ulong r0, ulong r1, ulong result) => Assert.Equal(result, Compute(line, r0, r1));

    [Theory]
    [InlineData("r0 = (s8)r1", 0x1280, 0xffff_ffff_ffff_ff80)]
    [InlineData("r0 = (s16)r1", 0x18000, 0xffff_ffff_ffff_8000)]
    [InlineData("r0 = (s32)r1", 0x1_8000_0000, 0xffff_ffff_8000_0000)]
    [InlineData("w0 = (s8)w1", 0x1280, 0xffff_ff80)]
    [InlineData("w0 = (s16)w1", 0x7fff, 0x7fff)]
    public void Moves_SignExtend(string line, ulong r1, ulong result) => Assert.Equal(result, Compute(line, 0, r1));

    [Theory]
    [InlineData("r0 = be16 r0", 0x2211)]
    [InlineData("r0 = be32 r0", 0x4433_2211)]
    [InlineData("r0 = be64 r0", 0x8877_6655_4433_2211)]
    [InlineData("r0 = le16 r0", 0x1122)]
    [InlineData("r0 = le32 r0", 0x1122_3344)]
    [InlineData("r0 = le64 r0", 0x1122_3344_5566_7788)]
    [InlineData("r0 = bswap16 r0", 0x2211)]
    [InlineData("r0 = bswap32 r0", 0x4433_2211)]
    [InlineData("r0 = bswap64 r0", 0x8877_6655_4433_2211)]
    public void ByteSwaps_ClearWhatIsLeft(string line, ulong result)
    {
        var r0 = line.Contains("16", StringComparison.Ordinal) ? 0xaaaa_aaaa_aaaa_1122 : line.Contains("32", StringComparison.Ordinal) ? 0xaaaa_aaaa_1122_3344 : 0x1122_3344_5566_7788;
        Assert.Equal(result, Compute(line, r0, 0));
    }

    [Theory]
    [InlineData("if r1 > r2 goto +1", ulong.MaxValue, 1, true)]
    [InlineData("if r1 s> r2 goto +1", ulong.MaxValue, 1, false)]
    [InlineData("if w1 > w2 goto +1", 0x1_0000_0000, 0, false)]
    [InlineData("if w1 s< w2 goto +1", 0x8000_0000, 0, true)]
    [InlineData("if w1 < w2 goto +1", 0x8000_0000, 0, false)]
    [InlineData("if w1 == w2 goto +1", 0x5_0000_0001, 1, true)]
    [InlineData("if r1 == -1 goto +1", ulong.MaxValue, 0, true)]
    [InlineData("if r1 > -2 goto +1", ulong.MaxValue, 0, true)]
    [InlineData("if w1 > -2 goto +1", 0xffff_ffff, 0, true)]
    [InlineData("if r1 & -2147483648 goto +1", 1UL << 40, 0, true)]
    [InlineData("if w1 & -2147483648 goto +1", 1UL << 40, 0, false)]
    [InlineData("if r1 s>= -1 goto +1", ulong.MaxValue, 0, true)]
    [InlineData("if r1 s<= r2 goto +1", Least64, 0, true)]
    [InlineData("if r1 <= r2 goto +1", Least64, 0, false)]
    [InlineData("if w1 s>= w2 goto +1", 0xffff_ffff, 0, false)]
    [InlineData("if w1 >= w2 goto +1", 0xffff_ffff, 0, true)]
    [InlineData("if w1 != w2 goto +1", 0x5_0000_0001, 1, false)]
    public void Comparisons_KnowWidthAndSign(string line, ulong r1, ulong r2, bool taken)
    {
        var result = BothEngines.Result($"r1 = 0x{r1:x} ll\nr2 = 0x{r2:x} ll\nr0 = 1\n{line}\nr0 = 0\nexit");
        Assert.Equal(taken ? 1u : 0u, result);
    }

    [Theory]
    [InlineData("u8", 0x88)]
    [InlineData("u16", 0x9988)]
    [InlineData("u32", 0xbbaa_9988)]
    [InlineData("u64", 0xffee_ddcc_bbaa_9988)]
    [InlineData("s8", 0xffff_ffff_ffff_ff88)]
    [InlineData("s16", 0xffff_ffff_ffff_9988)]
    [InlineData("s32", 0xffff_ffff_bbaa_9988)]
    public void Loads_ExtendAndNeedNoAlignment(string type, ulong result)
    {
        byte[] memory = [0, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
        Assert.Equal(result, BothEngines.Result($"r0 = *({type} *)(r1 + 1)\nexit", memory));
    }

    [Theory]
    [InlineData("u8", 1)]
    [InlineData("u16", 2)]
    [InlineData("u32", 4)]
    [InlineData("u64", 8)]
    public void Stores_TouchTheirBytesOnly(string type, int bytes)
    {
        var memory = new byte[12];
        BothEngines.Result($"*({type} *)(r1 + 1) = -1\nr0 = 0\nexit", memory);
        Assert.Equal(Enumerable.Range(0, 12).Select(i => i >= 1 && i <= bytes ? (byte)0xff : (byte)0), memory);
        memory.AsSpan().Clear();
        BothEngines.Result($"r2 = -1\n*({type} *)(r1 + 1) = r2\nr0 = 0\nexit", memory);
        Assert.Equal(bytes, memory.Count(value => value == 0xff));
    }

    [Theory]
    [InlineData("lock *(u64 *)(r1 + 0) += r2", 5, 3, 8, 3)]
    [InlineData("lock *(u64 *)(r1 + 0) |= r2", 5, 3, 7, 3)]
    [InlineData("lock *(u64 *)(r1 + 0) &= r2", 5, 3, 1, 3)]
    [InlineData("lock *(u64 *)(r1 + 0) ^= r2", 5, 3, 6, 3)]
    [InlineData("r2 = atomic_fetch_add((u64 *)(r1 + 0), r2)", 5, 3, 8, 5)]
    [InlineData("r2 = atomic_fetch_or((u64 *)(r1 + 0), r2)", 5, 3, 7, 5)]
    [InlineData("r2 = atomic_fetch_and((u64 *)(r1 + 0), r2)", 5, 3, 1, 5)]
    [InlineData("r2 = atomic_fetch_xor((u64 *)(r1 + 0), r2)", 5, 3, 6, 5)]
    [InlineData("r2 = xchg_64(r1 + 0, r2)", 5, 3, 3, 5)]
    [InlineData("w2 = atomic_fetch_add((u32 *)(r1 + 0), w2)", 0x7_ffff_ffff, 2, 0x7_0000_0001, 0xffff_ffff)]
    [InlineData("w2 = atomic_fetch_xor((u32 *)(r1 + 0), w2)", 0x7_0000_0005, 0x9_0000_0003, 0x7_0000_0006, 5)]
    [InlineData("w2 = xchg32_32(r1 + 0, w2)", 0x7_0000_0005, 3, 0x7_0000_0003, 5)]
    [InlineData("lock *(u32 *)(r1 + 0) += w2", 0x7_ffff_ffff, 1, 0x7_0000_0000, 1)]
    [InlineData("lock *(u32 *)(r1 + 0) |= w2", 0x7_0000_0001, 2, 0x7_0000_0003, 2)]
    [InlineData("lock *(u32 *)(r1 + 0) &= w2", 0x7_0000_0003, 2, 0x7_0000_0002, 2)]
    [InlineData("lock *(u32 *)(r1 + 0) ^= w2", 0x7_0000_0003, 2, 0x7_0000_0001, 2)]
    public void Atomics_ChangeMemory_AndFetchTheOldValue(string line, ulong memory, ulong r2, ulong memoryAfter, ulong r2After)
    {
        var bytes = BitConverter.GetBytes(memory);
        Assert.Equal(r2After, BothEngines.Result($"r2 = 0x{r2:x} ll\n{line}\nr0 = r2\nexit", bytes));
        Assert.Equal(memoryAfter, BitConverter.ToUInt64(bytes));
    }

    [Theory]
    [InlineData("r0 = cmpxchg_64(r1 + 0, r0, r2)", 5, 5, 9, 5)]
    [InlineData("r0 = cmpxchg_64(r1 + 0, r0, r2)", 5, 4, 5, 5)]
    [InlineData("w0 = cmpxchg32_32(r1 + 0, w0, w2)", 0x7_0000_0005, 0x9_0000_0005, 0x7_0000_0009, 5)]
    [InlineData("w0 = cmpxchg32_32(r1 + 0, w0, w2)", 0x7_0000_0005, 4, 0x7_0000_0005, 5)]
    public void CompareExchange_UsesR0(string line, ulong memory, ulong r0, ulong memoryAfter, ulong r0After)
    {
        var bytes = BitConverter.GetBytes(memory);
        Assert.Equal(r0After, BothEngines.Result($"r0 = 0x{r0:x} ll\nr2 = 9\n{line}\nexit", bytes));
        Assert.Equal(memoryAfter, BitConverter.ToUInt64(bytes));
    }

    [Theory]
    [InlineData("u8", 0x88)]
    [InlineData("u16", 0x9988)]
    [InlineData("u32", 0xbbaa_9988)]
    [InlineData("u64", 0xffee_ddcc_bbaa_9988)]
    public void LoadAcquire_StoreRelease_MoveEverySize(string type, ulong value)
    {
        var memory = new byte[16];
        BitConverter.GetBytes(0xffee_ddcc_bbaa_9988).CopyTo(memory, 0);
        Assert.Equal(value, BothEngines.Result($"r0 = load_acquire(({type} *)(r1 + 0))\nstore_release(({type} *)(r1 + 8), r0)\nexit", memory));
        Assert.Equal(value, BitConverter.ToUInt64(memory, 8));
    }

    /// <summary>Found by the fuzzer: the narrow load was moved ahead of an inlined addition.</summary>
    [Fact]
    public void Load_BehindAnAtomic_SeesItsResult()
    {
        var verified = Accepted(ProgramType.Raw(64), "r8 = r1\nr5 = 595316733\nr5 = atomic_fetch_add((u64 *)(r8 + 16), r5)\nr1 = *(u8 *)(r8 + 39)\nr3 = *(u16 *)(r8 + 17)\nr5 >>= r1\nr0 = r3\nr0 += r5\nexit");
        using var memory = NativeBuffer.Allocate(64);
        BitConverter.TryWriteBytes(memory.View.AsSpan<byte>()[16..], 0xd10b097898583412);
        memory.View.AsSpan<byte>()[39] = 63;
        var outcome = CompiledProgram.Compile(verified, ProgramBinding.Standard).Run(new ProgramMemory(memory.View), ExecutionLimits.Default);
        Assert.Equal(0xd404u + 1, outcome.Result);
    }

    [Fact]
    public void LongJump_ReachesBeyond16Bits()
    {
        var filler = string.Concat(Enumerable.Repeat("r0 += 1\n", 40_000));
        Assert.Equal(7u, BothEngines.Result($"r0 = 7\ngotol done\n{filler}done: exit"));
    }

    [Fact]
    public void LocalCalls_KeepTheCallersRegistersAndStack()
    {
        const string Text = """
            r6 = 10
            r7 = 20
            *(u64 *)(r10 - 8) = 5
            r1 = 1
            r2 = r10
            r2 += -8
            call twice
            r0 += r6
            r0 += r7
            r1 = *(u64 *)(r10 - 8)
            r0 += r1
            exit
            twice:
            r6 = 1000
            r7 = r1
            *(u64 *)(r10 - 8) = 99
            r3 = *(u64 *)(r2 + 0)
            r3 *= 2
            *(u64 *)(r2 + 0) = r3
            r0 = 100
            exit
            """;
        Assert.Equal(100u + 10 + 20 + 10, BothEngines.Result(Text));
    }

    private static ulong Compute(string line, ulong r0, ulong r1) => BothEngines.Result($"r0 = 0x{r0:x} ll\nr1 = 0x{r1:x} ll\n{line}\nexit");

    [Fact]
    public void ProgramOfAKernelType_IsVerifiedButNotRun()
    {
        var verified = Accepted(ProgramType.OfSection("xdp")!, "r0 = 2\nexit");
        Assert.Contains("xdp", Assert.Throws<BindingException>(() => Interpreter.Create(verified, ProgramBinding.Standard)).Message, StringComparison.Ordinal);
        Assert.Throws<BindingException>(() => CompiledProgram.Compile(verified, ProgramBinding.Standard));
    }

    private static VerifiedProgram Accepted(ProgramType type, string text) =>
        Assert.IsType<VerifiedProgram>(Verifier.Verify(Assembler.Assemble(text), type, VerifierLimits.Default));
}
