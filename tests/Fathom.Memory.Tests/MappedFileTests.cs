namespace Fathom.Memory.Tests;

public sealed class MappedFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-mapped-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Open_SmallFile_ShowsItsBytes()
    {
        var path = Path.Combine(_folder, "small");
        File.WriteAllBytes(path, [1, 2, 3]);
        using var file = MappedFile.Open(path);
        Assert.Equal(3, file.Length);
        Assert.Equal([1, 2, 3], file.View.AsSpan<byte>().ToArray());
    }

    [Fact]
    public void Open_FilePastTwoGiB_ReachesItsEnd()
    {
        var path = Path.Combine(_folder, "sparse");
        const long length = (5L << 30) + 3;
        using (var stream = File.Create(path))
        {
            stream.SetLength(length); // sparse: takes no room on the disk
            stream.Position = length - 2;
            stream.Write([8, 9]);
        }
        using var file = MappedFile.Open(path);
        Assert.Equal(length, file.View.Length);
        Assert.Equal([0, 8, 9], file.View.Slice(length - 3, 3).AsSpan<byte>().ToArray());
    }

    [Fact]
    public void Open_EmptyFile_IsAnEmptyView()
    {
        var path = Path.Combine(_folder, "empty");
        File.WriteAllBytes(path, []);
        using var file = MappedFile.Open(path);
        Assert.Equal(0, file.View.Length);
        Assert.False(file.IsInvalid);
    }

    [Fact]
    public void Open_MissingFile_Throws() =>
        Assert.Throws<FileNotFoundException>(() => MappedFile.Open(Path.Combine(_folder, "none")));

    [Fact]
    public void View_AfterDispose_IsRefused()
    {
        var path = Path.Combine(_folder, "closed");
        File.WriteAllBytes(path, [1]);
        var file = MappedFile.Open(path);
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.View.Length);
        File.Delete(path);
    }
}
