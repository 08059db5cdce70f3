using System.Diagnostics;

namespace Fathom.Storage.Tests;

/// <summary>Which files open, how, and what the error says where they do not.</summary>
public class StorageFileTests
{
    public static TheoryData<EngineKind> EngineKinds => Engines.All;

    [Fact]
    public void Open_NamesTheEngineAndWhy()
    {
        using var content = TestFile.CreateLinked(-1);
        using var file = StorageFile.Open(content.Path, new StorageFileOptions { Engine = new() { Kind = EngineKind.Auto } });
        Assert.Contains(file.Engine.Choice.Kind, new[] { EngineKind.Uring, EngineKind.Threads });
        Assert.NotEmpty(file.Engine.Choice.Reason);
        Assert.True(file.Engine.Run(new ChainRequest(file, Engines.Follow, 0, 512, default)).IsDone);
    }

    [Fact]
    public void Open_WithAnEngineOfItsOwn_ClosesItToo()
    {
        using var content = TestFile.CreateLinked(-1);
        var file = StorageFile.Open(content.Path);
        file.Dispose();
        file.Dispose();
        Assert.Equal(ChainStatus.Closed, file.Engine.Run(new ChainRequest(file, Engines.Follow, 0, 512, default)).Status);
    }

    [Fact]
    public void Open_OfAMissingFile_NamesIt()
    {
        var failure = Assert.Throws<StorageFileException>(() => StorageFile.Open("/nowhere/index.db"));
        Assert.Equal("/nowhere/index.db", failure.Path);
        Assert.Contains("/nowhere/index.db", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public void Open_OfAFolder_IsRefused()
    {
        var failure = Assert.Throws<StorageFileException>(() => StorageFile.Open(AppContext.BaseDirectory));
        Assert.False(string.IsNullOrEmpty(failure.Problem));
    }

    [SkippableFact]
    public void Open_OfADevice_IsRefused()
    {
        Skip.IfNot(OperatingSystem.IsLinux());
        var failure = Assert.Throws<StorageFileException>(() => StorageFile.Open("/dev/zero"));
        Assert.Equal("is not a regular file", failure.Problem);
    }

    [SkippableFact]
    public void Open_OfAPipeNobodyWritesTo_IsRefusedAndDoesNotHang()
    {
        Skip.IfNot(OperatingSystem.IsLinux());
        var path = Path.Combine(AppContext.BaseDirectory, $"pipe-{Guid.NewGuid():n}");
        using (var make = Process.Start("mkfifo", path))
            make.WaitForExit();
        try
        {
            var failure = Assert.Throws<StorageFileException>(() => StorageFile.Open(path, new StorageFileOptions { Direct = DirectReads.Never }));
            Assert.Equal("is not a regular file", failure.Problem);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [SkippableFact]
    public void Open_OfADescriptorWithoutReadPermission_IsRefused()
    {
        Skip.IfNot(OperatingSystem.IsLinux());
        using var content = TestFile.CreateLinked(-1);
        using var writeOnly = File.OpenHandle(content.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        var failure = Assert.Throws<StorageFileException>(() => StorageFile.Open(writeOnly));
        Assert.Equal("was not opened for reading", failure.Problem);
    }

    [SkippableFact]
    public void Open_OfADescriptorWhoseFileHasNoName_ReadsIt()
    {
        Skip.IfNot(OperatingSystem.IsLinux());
        var content = TestFile.CreateLinked(512, -1);
        using var handle = File.OpenHandle(content.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        content.Dispose();
        using var file = StorageFile.Open(handle);
        handle.Dispose();
        Assert.True(file.Engine.Run(new ChainRequest(file, Engines.Follow, 0, 512, default)).IsDone);
    }

    [SkippableFact]
    public void Open_WithoutReadPermission_IsRefused()
    {
        Skip.If(Environment.IsPrivilegedProcess, "The superuser may read everything.");
        using var content = TestFile.CreateLinked(-1);
        Skip.If(OperatingSystem.IsWindows(), "Modes are a Unix thing.");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(content.Path, UnixFileMode.UserWrite);
        var failure = Assert.Throws<StorageFileException>(() => StorageFile.Open(content.Path));
        Assert.Equal(13, failure.Errno);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void EmptyFile_OpensAndHasNothingToRead(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.Create([]);
        using var file = engine.Open(content.Path);
        Assert.Equal(ChainStatus.OutOfFile, engine.Run(new ChainRequest(file, Engines.Follow, 0, file.AlignmentBytes, default)).Status);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void FileOverFourGiB_IsReadAtItsFarEnd(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(5L << 30);
        content.Truncate((5L << 30) + 512);
        content.Write(5L << 30, BitConverter.GetBytes(-1L));
        using var file = engine.Open(content.Path);
        Assert.Equal(new ChainResult { Status = ChainStatus.Done, Hops = 2, Bytes = 1024 }, engine.Run(new ChainRequest(file, Engines.Follow, 0, 512, default)));
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Hole_ReadsAsZeros(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(1 << 20);
        content.Truncate(2 << 20);
        using var file = engine.Open(content.Path);
        var function = Engines.Function(static (ref context, data, scratch) =>
        {
            context.Read(0, 1 << 20, 4096);
            context.Done = context.Hop;
            return context.Hop == 0 || data.IndexOfAnyExcept((byte)0) < 0 ? 0 : -1;
        });
        Assert.True(engine.Run(new ChainRequest(file, function, 0, 512, default)).IsDone);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Hole_IsRefusedWhenAskedFor(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(1 << 20);
        content.Truncate(2 << 20);
        using var file = OpenRefusingHoles(engine, content);
        var request = new ChainRequest(file, Engines.Follow, 0, 512, default);
        Assert.Equal(
            new ChainResult { Status = ChainStatus.Hole, Hops = 1, Bytes = 512, OffsetBytes = 1 << 20, SizeBytes = 512 }, engine.Run(request));
        // Once written it is no hole, and the engine sees that by itself.
        content.Write(1 << 20, BitConverter.GetBytes(-1L));
        Assert.True(engine.Run(request).IsDone);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void BlocksThatWereNeverWritten_AreRefusedLikeHoles(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(1 << 20);
        content.Preallocate(0, 2 << 20);
        using var file = OpenRefusingHoles(engine, content);
        Assert.Equal(ChainStatus.Hole, engine.Run(new ChainRequest(file, Engines.Follow, 0, 512, default)).Status);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void BufferedWrites_ReachDirectReads(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(-1);
        using var file = engine.Open(content.Path);
        using var stream = new FileStream(content.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        for (var i = 0; i < 20; i++)
        {
            var value = (byte)(i + 1);
            stream.Position = 100;
            stream.WriteByte(value);
            stream.Flush(flushToDisk: false);
            var function = Engines.Function((ref context, data, scratch) =>
            {
                context.Done = 1;
                return data[100] == value ? 0 : -1;
            });
            Assert.True(engine.Run(new ChainRequest(file, function, 0, 512, default)).IsDone);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void MappedWrites_ReachDirectReads(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(-1);
        using var file = engine.Open(content.Path);
        using var mapping = System.IO.MemoryMappedFiles.MemoryMappedFile.CreateFromFile(content.Path);
        using var memory = mapping.CreateViewAccessor();
        for (var i = 0; i < 20; i++)
        {
            var value = (byte)(i + 1);
            memory.Write(100, value);
            var function = Engines.Function((ref context, data, scratch) =>
            {
                context.Done = 1;
                return data[100] == value ? 0 : -1;
            });
            Assert.True(engine.Run(new ChainRequest(file, function, 0, 512, default)).IsDone);
        }
    }

    [SkippableTheory]
    [InlineData(EngineKind.Threads, DirectReads.Never)]
    [InlineData(EngineKind.Uring, DirectReads.Never)]
    [InlineData(EngineKind.Threads, DirectReads.Prefer)]
    [InlineData(EngineKind.Uring, DirectReads.Prefer)]
    public void DirectReads_ArePickedAsAskedFor(EngineKind kind, DirectReads direct)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(512, -1);
        using var file = engine.Open(content.Path, new StorageFileOptions { Direct = direct });
        Assert.False(direct == DirectReads.Never && file.IsDirect);
        Assert.True(file.AlignmentBytes >= 512);
        Skip.If(file.AlignmentBytes > 512, "The device reads larger blocks only.");
        Assert.True(engine.Run(new ChainRequest(file, Engines.Follow, 0, 512, default)).IsDone);
    }

    [SkippableFact]
    public void DirectReads_WhereTheFileSystemHasNone_AreRefusedOrReplaced()
    {
        const string Path = "/proc/version";
        Skip.IfNot(File.Exists(Path));
        Assert.Throws<StorageFileException>(() => StorageFile.Open(Path, new StorageFileOptions { Direct = DirectReads.Require }));
        using var file = StorageFile.Open(Path);
        Assert.False(file.IsDirect);
    }

    private static StorageFile OpenRefusingHoles(StorageEngine engine, TestFile content)
    {
        try
        {
            return engine.Open(content.Path, new StorageFileOptions { Holes = HolePolicy.Refuse });
        }
        catch (StorageFileException refused)
        {
            Skip.If(true, refused.Message);
            throw;
        }
    }
}
