using Fathom.Models.Sources;

namespace Fathom.Models.Tests.Sources;

public sealed class ModelContentHashTests : IDisposable
{
    private const int Bytes = (8 << 20) + 12_345;

    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-hash-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Compute_OneByteElsewhere_IsAnotherHash()
    {
        var content = new byte[Bytes];
        new Random(1).NextBytes(content);
        var hash = Hash(content);

        foreach (var place in (int[])[0, 8 << 20, Bytes - 1, 1_234_567])
        {
            content[place] ^= 1;
            Assert.NotEqual(hash, Hash(content));
            content[place] ^= 1;
        }
        Assert.Equal(hash, Hash(content));
        Assert.NotEqual(hash, Hash(content[..^1]));
    }

    [Fact]
    public void Compute_OfAFolder_LooksAtWeightsAndConfiguration()
    {
        var model = Directory.CreateDirectory(Path.Combine(_folder, "model")).FullName;
        Write("config.json", "{}");
        Write("a.safetensors", "weights");
        var hash = ModelContentHash.Compute(model);

        Write("README.md", "text");
        Assert.Equal(hash, ModelContentHash.Compute(model));
        Write("config.json", "{ }");
        Assert.NotEqual(hash, ModelContentHash.Compute(model));
        Write("config.json", "{}");
        File.Move(Path.Combine(model, "a.safetensors"), Path.Combine(model, "b.safetensors"));
        Assert.NotEqual(hash, ModelContentHash.Compute(model));

        void Write(string name, string text) => File.WriteAllText(Path.Combine(model, name), text);
    }

    [Fact]
    public void Read_OfAFileThatChanged_IsComputedAgain()
    {
        var (path, cache) = (Path.Combine(_folder, "model.gguf"), Path.Combine(_folder, "cache"));
        File.WriteAllBytes(path, [1, 2, 3]);
        var first = ModelContentHash.Read(path, cache);
        Assert.Equal(ModelContentHash.Compute(path), first);
        Assert.Equal(first, ModelContentHash.Read(path, cache));

        var kept = Assert.Single(Directory.GetFiles(cache));
        File.WriteAllBytes(path, [1, 2, 4]);
        File.SetLastWriteTimeUtc(path, File.GetLastWriteTimeUtc(path).AddSeconds(1));

        Assert.Equal(ModelContentHash.Compute(path), ModelContentHash.Read(path, cache));
        Assert.NotEqual(first, ModelContentHash.Read(path, cache));
        File.WriteAllBytes(kept, [9]); // torn: not taken for a hash
        Assert.Equal(ModelContentHash.Compute(path), ModelContentHash.Read(path, cache));
    }

    private byte[] Hash(byte[] content)
    {
        var path = Path.Combine(_folder, "file");
        File.WriteAllBytes(path, content);
        return ModelContentHash.Compute(path);
    }
}
