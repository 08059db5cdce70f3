using System.Text.Json;

namespace Fathom.Cli.Tests.Commands;

public class BpfCommandsTests
{
    private const string Answer = "b7 00 00 00 2a 00 00 00 95 00 00 00 00 00 00 00";

    [Theory]
    [InlineData(Answer, "", "2a")]
    [InlineData("b70000002a0000009500000000000000", "", "2a")]
    [InlineData("79 10 00 00 00 00 00 00\n95 00 00 00 00 00 00 00\n", "88 77 66 55 44 33 22 11", "1122334455667788")]
    [InlineData("bf 20 00 00 00 00 00 00 95 00 00 00 00 00 00 00", "0000000100000002", "8")]
    [InlineData("b7 00 00 00 ff ff ff ff 95 00 00 00 00 00 00 00", "", "ffffffffffffffff")]
    [InlineData("b7 01 00 00 09 00 00 00 85 00 00 00 03 00 00 00 95 00 00 00 00 00 00 00", "", "3")]
    [InlineData("b7 01 00 00 00 00 00 00 85 00 00 00 05 00 00 00 b7 00 00 00 02 00 00 00 95 00 00 00 00 00 00 00", "", "0")]
    public async Task Plugin_PrintsR0InHex(string program, string memory, string result)
    {
        foreach (var engine in (string[])["interpreter", "jit"])
        {
            var run = await Plugin(program, memory, "--engine", engine);
            Assert.Equal((0, "", result), (run.ExitCode, run.Error, run.Output.Trim()));
        }
    }

    [Theory]
    [InlineData("79 10 08 00 00 00 00 00 95 00 00 00 00 00 00 00", "00", "outside of the program's memory")]
    [InlineData("05 00 ff ff 00 00 00 00", "", "out of fuel")]
    [InlineData("ff 00 00 00 00 00 00 00", "", "opcode 0xff does not exist")]
    [InlineData("85 00 00 00 63 00 00 00 95 00 00 00 00 00 00 00", "", "function 99 does not exist")]
    [InlineData("95 00 00", "", "3 bytes are no program")]
    [InlineData("", "", "0 bytes are no program")]
    [InlineData("exit", "", "not a row of hex bytes")]
    [InlineData(Answer, "zz", "not a row of hex bytes")]
    public async Task Plugin_FailingProgram_SaysWhyAndExitsWith1(string program, string memory, string problem)
    {
        var run = await Plugin(program, memory);
        Assert.Equal((1, ""), (run.ExitCode, run.Output));
        Assert.Contains(problem, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fuzz_ComparesTheEngines()
    {
        var run = await FathomRun.Start("bpf", "fuzz", "--programs", "50", "--seed", "3", "--json");
        Assert.Equal(0, run.ExitCode);
        var report = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal((50, 0), (report.GetProperty("verified").GetInt32(), report.GetProperty("differences").GetInt32()));
    }

    [Fact]
    public async Task Bench_WithoutAFile_MeasuresAgainstCSharp()
    {
        var run = await FathomRun.Start("bpf", "bench", "--rounds", "1", "--round-ms", "1", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var report = JsonDocument.Parse(run.Output).RootElement;
        Assert.All(report.GetProperty("functions").EnumerateArray(), function => Assert.True(function.GetProperty("hand_written").GetProperty("median_ns").GetDouble() > 0));
        Assert.True(report.TryGetProperty("machine", out _) && report.TryGetProperty("commit", out _));
    }

    [Theory]
    [InlineData("verify")]
    [InlineData("disassemble")]
    [InlineData("run")]
    [InlineData("bench")]
    public async Task Command_OnNoObjectFile_NamesIt(string command)
    {
        var path = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(path, "no object");
            var run = await FathomRun.Start("bpf", command, path);
            Assert.Equal(1, run.ExitCode);
            Assert.Contains(Path.GetFileName(path), run.Error, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task<FathomRun> Plugin(string program, string memory, params string[] options)
    {
        var input = Console.In;
        Console.SetIn(new StringReader(program));
        try
        {
            return await FathomRun.Start(["bpf", "plugin", .. options, memory]);
        }
        finally
        {
            Console.SetIn(input);
        }
    }
}
