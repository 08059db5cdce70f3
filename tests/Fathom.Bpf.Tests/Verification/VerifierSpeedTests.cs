using System.Diagnostics;
using Fathom.Bpf.Fuzzing;
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
        var program = BranchingProgram.OfLength(instructions);
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
}
