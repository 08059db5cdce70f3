namespace Fathom.Cli.Tests;

/// <summary>A synthesized model in a folder of its own, shared by the tests of a class.</summary>
public class TinyModel : IAsyncLifetime
{
    private readonly string _type;

    public TinyModel()
        : this("f16")
    {
    }

    protected TinyModel(string type) => _type = type;

    public string Folder { get; } = Directory.CreateTempSubdirectory("fathom-cli-").FullName;

    public string Path => PathOf("tiny.gguf");

    public string PathOf(string file) => System.IO.Path.Combine(Folder, file);

    public async Task InitializeAsync()
    {
        var run = await FathomRun.Start("model", "synthesize", "--shape", "tiny", "--type", _type, "--seed", "7", "--out", Path);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
    }

    public Task DisposeAsync()
    {
        Directory.Delete(Folder, recursive: true);
        return Task.CompletedTask;
    }
}

/// <summary>The same in F32, where answers are the same bits wherever their KV blocks come from.</summary>
public sealed class TinyF32Model() : TinyModel("f32");
