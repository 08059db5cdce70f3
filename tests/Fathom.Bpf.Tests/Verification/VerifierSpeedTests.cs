using System.Diagnostics;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Verification;
using Xunit.Abstractions;

namespace Fathom.Bpf.Tests.Verification;

/// <summary>Verification takes time in proportion: bounds far above what a quiet machine needs, so that only a change of order fails.</summary>
public class VerifierSpeedTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1_000, 100)]
    [InlineData(10_000, 1_000)]
    public void Verify_BranchingProgram_TakesTimeInProportion(int instructions, int limitMs)
    {
        var program = Branching(instructions);
        Assert.IsType<VerifiedProgram>(Verifier.Verify(program, ProgramType.StorageFunction));
        var best = TimeSpan.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var watch = Stopwatch.StartNew();
            Assert.IsType<VerifiedProgram>(Verifier.Verify(program, ProgramType.StorageFunction));
            best = watch.Elapsed < best ? watch.Elapsed : best;
        }
        output.WriteLine($"{instructions} instructions: best of 5 {best.TotalMilliseconds:f2} ms, {Verifier.Verify(program, ProgramType.StorageFunction).Effort}");
        Assert.True(best.TotalMilliseconds < limitMs, $"{instructions} instructions took {best.TotalMilliseconds:f1} ms");
    }

    /// <summary>Loads, arithmetic, masked accesses, spills and a branch in each group of ten.</summary>
    internal static BpfProgram Branching(int instructions)
    {
        var text = new List<string> { "r6 = r1|w2 = 0|w3 = 512|call fathom_data|if r0 == 0 goto exit|r7 = r0|r8 = 0|r9 = 0" };
        for (var count = 10; count + 12 < instructions; count += 10)
            text.Add($"r1 = *(u64 *)(r7 + {count % 500})|r8 += r1|if r1 > {count} goto +1|r9 ^= r8|*(u64 *)(r10 - {8 + (count % 60 * 8)}) = r1|r1 &= 255|r2 = r7|r2 += r1|r3 = *(u32 *)(r2 + 252)|r8 += r3");
        text.Add("r0 = r8|r0 += r9|exit");
        return Check.Program(string.Join('|', text));
    }
}
