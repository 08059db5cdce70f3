using System.Text.Json;

namespace Fathom.Cli.Tests.Commands.BlockLogs;

public class BlockLogCommandsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-block-log-").FullName;

    [Fact]
    public async Task CrashTest_TenKills_LosesNothing()
    {
        using var result = JsonDocument.Parse(await Succeed("block-log", "crash-test", "--kills", "10", "--json", "--folder", _folder));
        Assert.Equal(10, result.RootElement.GetProperty("kills").GetInt32());
        Assert.Equal(0, result.RootElement.GetProperty("lost").GetInt64());
        Assert.Equal(0, result.RootElement.GetProperty("wrong").GetInt64());
        Assert.True(result.RootElement.GetProperty("acknowledged").GetInt64() > 0);
    }

    [SkippableFact]
    public async Task Bench_OfASmallLog_FindsEachLookUpInOneChain()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "the benchmark runs on Linux only");
        using var result = JsonDocument.Parse(await Succeed(
            "bench", "block-log", "--folder", _folder, "--size", "64MiB", "--block-size", "16KiB", "--blocks", "1,300", "--look-ups", "100", "--repetitions", "1", "--opens", "1", "--json"));
        var rows = result.RootElement.GetProperty("results");
        Assert.Equal(4, rows.GetArrayLength());
        foreach (var row in rows.EnumerateArray())
            Assert.Equal(1, row.GetProperty("submissions").GetDouble());
        Assert.Empty(Directory.GetFiles(_folder));
    }

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private static async Task<string> Succeed(params string[] arguments)
    {
        var run = await FathomRun.Start(arguments);
        Assert.True(run.ExitCode == 0, $"exit {run.ExitCode}: {run.Error}");
        return run.Output.Trim();
    }
}
