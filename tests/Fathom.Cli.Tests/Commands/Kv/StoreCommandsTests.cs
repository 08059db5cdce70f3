using System.Text.Json;

namespace Fathom.Cli.Tests.Commands.Kv;

/// <summary>`fathom kv` from creation to check, through the command line.</summary>
public sealed class StoreCommandsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-cli-kv-").FullName;

    private string Store => Path.Combine(_folder, "store.kv");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Store_CreatedPutAndChecked_GivesItsValuesBack()
    {
        await Succeed("kv", "create", Store);
        await Succeed("kv", "put", Store, "apple", "red");
        await Succeed("kv", "put", Store, "0x0001", "0xFF00");
        Assert.Equal("red", await Succeed("kv", "get", Store, "apple"));
        Assert.Equal("0xFF00", await Succeed("kv", "get", Store, "0x0001"));
        Assert.Equal("0x0001\t0xFF00\napple\tred", (await Succeed("kv", "scan", Store)).ReplaceLineEndings("\n"));
        using var check = JsonDocument.Parse(await Succeed("kv", "check", Store, "--json"));
        Assert.Equal(2, check.RootElement.GetProperty("log_entries").GetInt32());
    }

    [Fact]
    public async Task Store_LoadedWithNumbers_AggregatesThem()
    {
        await Succeed("kv", "load", Store, "--records", "5000", "--keys", "fixed");
        using var stat = JsonDocument.Parse(await Succeed("kv", "stat", Store, "--json", "--engine", "threads"));
        Assert.Equal(5000, stat.RootElement.GetProperty("tree_entries").GetInt64());
        Assert.Equal(3, stat.RootElement.GetProperty("levels").GetInt32());
        using var sum = JsonDocument.Parse(await Succeed("kv", "scan", Store, "--from", "10", "--to", "4009", "--aggregate", "--json"));
        Assert.Equal(4000, sum.RootElement.GetProperty("count").GetInt64());
        Assert.Equal("8038000", sum.RootElement.GetProperty("sum").GetString());
        Assert.Equal(10, sum.RootElement.GetProperty("min").GetInt64());
        Assert.Equal(4009, sum.RootElement.GetProperty("max").GetInt64());
    }

    [Fact]
    public async Task Failures_AreOneLineAndAnExitCode()
    {
        var missing = await FathomRun.Start("kv", "get", Store, "k");
        Assert.Equal(1, missing.ExitCode);
        Assert.Contains("does not exist", missing.Error, StringComparison.Ordinal);
        await File.WriteAllBytesAsync(Store, new byte[10_000]);
        var other = await FathomRun.Start("kv", "check", Store);
        Assert.Equal(1, other.ExitCode);
        Assert.Single(other.Error.Trim().Split('\n'));
        var usage = await FathomRun.Start("kv", "create", Store + "2", "--page", "5000");
        Assert.Equal(2, usage.ExitCode);
    }

    [Fact]
    public async Task CrashTest_FifteenKills_LoseNothing()
    {
        using var result = JsonDocument.Parse(await Succeed("kv", "crash-test", "--kills", "15", "--json", "--folder", Path.Combine(_folder, "crash")));
        Assert.Equal(15, result.RootElement.GetProperty("kills").GetInt32());
        Assert.Equal(0, result.RootElement.GetProperty("lost").GetInt64());
        Assert.True(result.RootElement.GetProperty("acknowledged").GetInt64() > 0);
    }

    private static async Task<string> Succeed(params string[] arguments)
    {
        var run = await FathomRun.Start(arguments);
        Assert.True(run.ExitCode == 0, $"exit {run.ExitCode}: {run.Error}");
        return run.Output.Trim();
    }
}
