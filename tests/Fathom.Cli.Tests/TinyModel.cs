namespace Fathom.Cli.Tests;

/// <summary>A synthesized model in a folder of its own, shared by the tests of a class.</summary>
public sealed class TinyModel : IAsyncLifetime
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("fathom-cli-").FullName;

    public string Path => PathOf("tiny.gguf");

    public string PathOf(string file) => System.IO.Path.Combine(Folder, file);

    public async Task InitializeAsync()
    {
        var run = await FathomRun.Start("model", "synthesize", "--shape", "tiny", "--type", "f16", "--seed", "7", "--out", Path);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
    }

    public Task DisposeAsync()
    {
        Directory.Delete(Folder, recursive: true);
        return Task.CompletedTask;
    }
}
