using System.Runtime.ExceptionServices;

namespace Fathom.Storage.Tests;

/// <summary>A file that changes under a chain: the chain ends before its function sees what was read after the change.</summary>
public class FileGuardTests
{
    private const int FileBytes = 64 << 10;
    private const int ChangedAtHop = 2;

    public static TheoryData<EngineKind> EngineKinds => Engines.All;

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Truncated_EndsTheChain(EngineKind kind) =>
        AssertChange(kind, FileGuard.Extents, FileChange.Truncated, file => file.Truncate(FileBytes / 2));

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void TruncatedToNothing_EndsTheChain(EngineKind kind) =>
        AssertChange(kind, FileGuard.Extents, FileChange.Truncated, file => file.Truncate(0));

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Punched_EndsTheChain(EngineKind kind) =>
        AssertChange(kind, FileGuard.Extents, FileChange.Remapped, file => file.Punch(32 << 10, 8 << 10));

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Collapsed_EndsTheChain(EngineKind kind) =>
        AssertChange(kind, FileGuard.Extents, FileChange.Truncated | FileChange.Remapped, file => file.Collapse(16 << 10, 4 << 10));

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void BlocksInserted_EndTheChain(EngineKind kind) =>
        AssertChange(kind, FileGuard.Extents, FileChange.Remapped, file => file.Insert(16 << 10, 4 << 10));

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Defragmented_LeavesTheChainWithTheSameContent(EngineKind kind)
    {
        // Reads name offsets in the file: which blocks of the drive hold them is the file system's business.
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateRandom(FileBytes, 8);
        using var file = engine.Open(content.Path, new StorageFileOptions { Guard = FileGuard.Extents });
        var expected = File.ReadAllBytes(content.Path);
        var function = Engines.Function((ref context, data, scratch) =>
        {
            if (!data.SequenceEqual(expected.AsSpan((int)context.Offset, data.Length)))
                return -1;
            if (context.Hop == ChangedAtHop)
                content.Defragment(FileBytes);
            context.Read(0, context.Offset + 4096, 4096);
            context.Done = context.Hop == 9 ? 1u : 0;
            return 0;
        });
        var result = engine.Run(new ChainRequest(file, function, 0, 4096, default));
        if (result.Exception is { } failure)
            ExceptionDispatchInfo.Throw(failure); // among them the skip where extents cannot be moved
        Assert.Equal((ChainStatus.Done, 10), (result.Status, result.Hops));
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Unlinked_EndsTheChain(EngineKind kind) =>
        AssertChange(kind, FileGuard.Extents, FileChange.Unlinked, file => File.Delete(file.Path));

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void ReplacedByAnotherFile_EndsTheChain(EngineKind kind)
    {
        using var other = TestFile.CreateRandom(FileBytes, 9);
        AssertChange(kind, FileGuard.Extents, FileChange.Unlinked, file => File.Move(other.Path, file.Path, overwrite: true));
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void OverwrittenInPlace_EndsTheChainWhenSealed(EngineKind kind) =>
        AssertChange(kind, FileGuard.Sealed, FileChange.Written, file => file.Write(40 << 10, new byte[512]));

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Grown_EndsTheChainWhenSealed(EngineKind kind) =>
        AssertChange(kind, FileGuard.Sealed, FileChange.Written, file => file.Write(FileBytes, new byte[512]));

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void AttributesChanged_EndTheChainWhenSealed(EngineKind kind) =>
        AssertChange(kind, FileGuard.Sealed, FileChange.Written, file =>
        {
            Skip.If(OperatingSystem.IsWindows(), "Modes are a Unix thing.");
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(file.Path, UnixFileMode.UserRead);
        });

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void OverwrittenInPlace_IsTheWritersBusinessOtherwise(EngineKind kind) =>
        AssertDone(kind, FileGuard.Extents, file => file.Write(40 << 10, new byte[512]));

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Grown_IsTheWritersBusinessOtherwise(EngineKind kind) =>
        AssertDone(kind, FileGuard.Extents, file => file.Write(FileBytes, new byte[100_000]));

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Unlinked_WithoutGuard_GoesUnnoticed(EngineKind kind) => AssertDone(kind, FileGuard.None, file => File.Delete(file.Path));

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Truncated_WithoutGuard_IsAReadOutOfTheFile(EngineKind kind)
    {
        var result = RunWithChange(kind, FileGuard.None, file => file.Truncate(512));
        Assert.Equal(ChainStatus.ShortRead, result.Status);
        Assert.Equal(ChangedAtHop + 1, result.Hops);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void ChainThatBeginsAfterTheChange_RunsOnTheFileAsItIs(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(512, 1024, 1536, -1);
        using var file = engine.Open(content.Path, new StorageFileOptions { Guard = FileGuard.Sealed });
        var request = new ChainRequest(file, Engines.Follow, 0, 512, default);
        Assert.True(engine.Run(request).IsDone);
        content.Write(512, BitConverter.GetBytes(-1L));
        Assert.Equal(new ChainResult { Status = ChainStatus.Done, Hops = 2, Bytes = 1024 }, engine.Run(request));
        content.Truncate(512);
        Assert.Equal(ChainStatus.OutOfFile, engine.Run(request).Status);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Growth_IsReachedByTheNextRead(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(512);
        using var file = engine.Open(content.Path);
        var appended = new byte[512];
        appended.AsSpan().Fill(0xff);
        var function = Engines.Function((ref context, data, scratch) =>
        {
            if (context.Hop == 0)
                content.Write(512, appended);
            context.Read(0, 512, 512);
            context.Done = context.Hop;
            return 0;
        });
        Assert.True(engine.Run(new ChainRequest(file, function, 0, 512, default)).IsDone);
        Assert.Equal(1024, file.LengthBytes);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void ManyChainsInFlight_AllEndWithTheChange(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(0);
        using var file = engine.Open(content.Path);
        var steps = 0;
        var endless = Engines.Function((ref context, data, scratch) =>
        {
            if (Interlocked.Increment(ref steps) == 100)
                File.Delete(content.Path);
            context.Read(0, 0, 512);
            return 0;
        });
        var requests = new ChainRequest[4];
        Array.Fill(requests, new ChainRequest(file, endless, 0, 512, default) { Limits = new() { ReadsMax = int.MaxValue, BytesMax = long.MaxValue } });
        var results = new ChainResult[requests.Length];
        engine.RunBatch(requests, results);
        Assert.All(results, result => Assert.Equal((ChainStatus.FileChanged, FileChange.Unlinked), (result.Status, result.Change)));
    }

    private static void AssertChange(EngineKind kind, FileGuard guard, FileChange expected, Action<TestFile> change)
    {
        var result = RunWithChange(kind, guard, change);
        Assert.Equal(ChainStatus.FileChanged, result.Status);
        Assert.Equal(expected, result.Change);
        Assert.Equal(ChangedAtHop + 1, result.Hops);
        Assert.Contains(expected.ToString(), result.ToString(), StringComparison.Ordinal);
    }

    private static void AssertDone(EngineKind kind, FileGuard guard, Action<TestFile> change) =>
        Assert.Equal(ChainStatus.Done, RunWithChange(kind, guard, change).Status);

    /// <summary>A chain of ten reads; the file changes in the third step.</summary>
    private static ChainResult RunWithChange(EngineKind kind, FileGuard guard, Action<TestFile> change)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateRandom(FileBytes, 8);
        using var file = engine.Open(content.Path, new StorageFileOptions { Guard = guard });
        var function = Engines.Function((ref context, data, scratch) =>
        {
            if (context.Hop == ChangedAtHop)
                change(content);
            context.Read(0, context.Offset + 4096, 4096);
            context.Done = context.Hop == 9 ? 1u : 0;
            return 0;
        });
        var result = engine.Run(new ChainRequest(file, function, 0, 4096, default));
        if (result.Exception is { } failure)
            ExceptionDispatchInfo.Throw(failure); // among them the skips of what the file system cannot do
        return result;
    }
}
