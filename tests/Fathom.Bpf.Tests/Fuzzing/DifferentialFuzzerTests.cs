using Fathom.Bpf.Fuzzing;
using Xunit.Abstractions;

namespace Fathom.Bpf.Tests.Fuzzing;

public class DifferentialFuzzerTests(ITestOutputHelper output)
{
    /// <summary>More programs: `fathom bpf fuzz`.</summary>
    private const int Programs = 10_000;

    [Fact]
    public void RandomPrograms_InBothEngines_GiveTheSame()
    {
        const ulong Seed = 0xfa7;
        output.WriteLine($"seed {Seed}");
        using var fuzzer = new DifferentialFuzzer(Seed);
        var report = fuzzer.Run(Programs);
        output.WriteLine($"{report.Programs} programs, {report.Verified} verified, {report.Refused} refused, {report.Faults} faults");
        output.WriteLine(report.Difference ?? "");
        Assert.Null(report.Difference);
        Assert.True(report.Verified >= Programs);
        Assert.True(report.Refused > Programs / 20, "the mutations hit nothing");
        Assert.True(report.Faults > 0, "no checked run faulted");
    }

    [Fact]
    public void Run_SameSeed_MakesTheSamePrograms()
    {
        using var one = new DifferentialFuzzer(7);
        using var other = new DifferentialFuzzer(7);
        Assert.Equal(one.Run(50), other.Run(50));
    }
}
