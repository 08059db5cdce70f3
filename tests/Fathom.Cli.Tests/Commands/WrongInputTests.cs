namespace Fathom.Cli.Tests.Commands;

/// <summary>Bad input gives one line on standard error that names the cause, and the right exit code.</summary>
public sealed class WrongInputTests(TinyModel model) : IClassFixture<TinyModel>
{
    [Theory]
    [InlineData("'frobnicate'", "frobnicate")]
    [InlineData("--shape: 'huge' must be one of tiny|125m|1b", "model", "synthesize", "--shape", "huge", "--out", "x")]
    [InlineData("--out: is required", "model", "synthesize")]
    [InlineData("--port: '70000' must be a whole number from 0 to 65535", "serve", "--port", "70000")]
    [InlineData("--policy: 'fifo' must be one of paged|orca|request", "serve", "--policy", "fifo")]
    [InlineData("option address has the value 'nowhere'", "serve", "--address", "nowhere")]
    [InlineData("--temperature: '9' must be a number from 0 to 2", "generate", "--prompt", "x", "--temperature", "9")]
    public async Task Run_WrongUsage_NamesOptionValueAndWhatIsAllowed(string message, params string[] arguments)
    {
        var run = await FathomRun.Start(arguments);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.Empty(run.Output);
    }

    [Fact]
    public async Task Load_MissingFile_IsNamed() => await AssertFailure("--model: nothing at", model.PathOf("missing.gguf"));

    [Fact]
    public async Task Load_NotGguf_IsNamed()
    {
        var path = model.PathOf("text.gguf");
        await File.WriteAllTextAsync(path, "this is a text, not a model");
        await AssertFailure("not \"GGUF\"", path);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(200)]
    [InlineData(30_000)]
    [InlineData(1_000_000)]
    public async Task Load_TruncatedGguf_IsNamed(int bytes)
    {
        var path = model.PathOf($"truncated-{bytes}.gguf");
        var content = await File.ReadAllBytesAsync(model.Path);
        await File.WriteAllBytesAsync(path, content[..bytes]);
        await AssertFailure(path, path);
    }

    private static async Task AssertFailure(string message, string path)
    {
        var run = await FathomRun.Start("generate", "--model", path, "--prompt", "Hello");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.Empty(run.Output);
    }
}
