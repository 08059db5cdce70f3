namespace Fathom.Storage.Tests;

/// <summary>What a broken or hostile index can make a function ask for: each has its own end, in bounded time.</summary>
public class IndexHazardTests
{
    public static TheoryData<EngineKind> EngineKinds => Engines.All;

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public Task SelfCycle_EndsAtTheHopLimit(EngineKind kind) =>
        Check(kind, [0], new ChainResult { Status = ChainStatus.HopLimit, Hops = 10, Bytes = 5120, SizeBytes = 512 }, new ChainLimits { ReadsMax = 10 });

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public Task LongCycle_EndsAtTheByteLimit(EngineKind kind) =>
        Check(kind, [512, 1024, 0], new ChainResult { Status = ChainStatus.ByteLimit, Hops = 9, Bytes = 4608, SizeBytes = 512 }, new ChainLimits { BytesMax = 5000 });

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public Task LongCycle_WithoutLimitsOfItsOwn_EndsAtTheDefaultHopLimit(EngineKind kind) =>
        Check(kind, [512, 0], new ChainResult
        {
            Status = ChainStatus.HopLimit, Hops = ChainLimits.DefaultReadsMax, Bytes = 512L * ChainLimits.DefaultReadsMax, SizeBytes = 512,
        });

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public Task PointerToTheEnd_IsOutOfFile(EngineKind kind) => CheckPointer(kind, 1024, ChainStatus.OutOfFile);

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public Task PointerFarBeyondTheEnd_IsOutOfFile(EngineKind kind) => CheckPointer(kind, 1L << 50, ChainStatus.OutOfFile);

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public Task PointerOfTwoToThe63_IsOutOfFile(EngineKind kind) => CheckPointer(kind, long.MinValue, ChainStatus.OutOfFile);

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public Task PointerWhoseEndOverflows_IsOutOfFile(EngineKind kind) => CheckPointer(kind, long.MaxValue & ~511, ChainStatus.OutOfFile);

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public Task UnalignedPointer_IsMisaligned(EngineKind kind) => CheckPointer(kind, 513, ChainStatus.Misaligned);

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public Task GarbageLeaf_IsTheFunctionsToRefuse(EngineKind kind) => CheckStep(
        kind, static (ref context, data, scratch) => data[8] == 0x7f ? 0 : -74,
        new ChainResult { Status = ChainStatus.FunctionError, Code = -74, Hops = 1, Bytes = 512 });

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public Task FunctionThatIsNeverDoneAndAsksForNothing_Stalls(EngineKind kind) => CheckStep(
        kind, static (ref context, data, scratch) => 0,
        new ChainResult { Status = ChainStatus.Stalled, Hops = 1, Bytes = 512 });

    [SkippableTheory]
    [InlineData(EngineKind.Threads, 1u)]
    [InlineData(EngineKind.Uring, 1u)]
    [InlineData(EngineKind.Threads, 511u)]
    [InlineData(EngineKind.Uring, 511u)]
    [InlineData(EngineKind.Threads, 65537u)]
    [InlineData(EngineKind.Uring, 65537u)]
    [InlineData(EngineKind.Threads, uint.MaxValue)]
    [InlineData(EngineKind.Uring, uint.MaxValue)]
    public Task NextReadOutsideTheSizes_IsBadSize(EngineKind kind, uint size) => CheckStep(
        kind, (ref context, data, scratch) =>
        {
            context.Read(0, 0, size);
            return 0;
        },
        new ChainResult { Status = ChainStatus.BadSize, Hops = 1, Bytes = 512, SizeBytes = size });

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public Task OneBadReadOfMany_EndsTheChainBeforeAnyIsIssued(EngineKind kind) => CheckStep(
        kind, static (ref context, data, scratch) =>
        {
            scratch[0]++;
            context.Read(0, 0, 512);
            context.Read(5, 512, 100);
            return 0;
        },
        new ChainResult { Status = ChainStatus.BadSize, Hops = 1, Bytes = 512, OffsetBytes = 512, SizeBytes = 100 });

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public Task FanOutWithoutEnd_EndsWithTooManyReads(EngineKind kind) => CheckStep(
        kind, static (ref context, data, scratch) =>
        {
            for (var i = 0; i < StorageContext.NextReadsMax; i++)
                context.Read(i, 0, 512);
            return 0;
        },
        new ChainResult { Status = ChainStatus.TooManyReads, Hops = 18, Bytes = 18 * 512, SizeBytes = 512 });

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public async Task MoreThanSixteenNextReads_IsTheFunctionsException(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(-1);
        using var file = engine.Open(content.Path);
        var function = Engines.Function(static (ref context, data, scratch) =>
        {
            context.Read(StorageContext.NextReadsMax, 0, 512);
            return 0;
        });
        var result = await engine.RunAsync(new ChainRequest(file, function, 0, 512, default));
        Assert.Equal(ChainStatus.FunctionException, result.Status);
        Assert.IsType<IndexOutOfRangeException>(result.Exception);
        Assert.Throws<ChainException>(result.ThrowUnlessDone);
    }

    [SkippableTheory]
    [InlineData(EngineKind.Threads, -512, 512, ChainStatus.OutOfFile)]
    [InlineData(EngineKind.Uring, -512, 512, ChainStatus.OutOfFile)]
    [InlineData(EngineKind.Threads, 1, 512, ChainStatus.Misaligned)]
    [InlineData(EngineKind.Uring, 1, 512, ChainStatus.Misaligned)]
    [InlineData(EngineKind.Threads, 0, 700, ChainStatus.Misaligned)]
    [InlineData(EngineKind.Uring, 0, 700, ChainStatus.Misaligned)]
    [InlineData(EngineKind.Threads, 0, 0, ChainStatus.BadSize)]
    [InlineData(EngineKind.Uring, 0, 0, ChainStatus.BadSize)]
    [InlineData(EngineKind.Threads, 0, -512, ChainStatus.BadSize)]
    [InlineData(EngineKind.Uring, 0, -512, ChainStatus.BadSize)]
    [InlineData(EngineKind.Threads, 4096, 512, ChainStatus.OutOfFile)]
    [InlineData(EngineKind.Uring, 4096, 512, ChainStatus.OutOfFile)]
    public async Task FirstRead_IsCheckedLikeTheOthers(EngineKind kind, long offset, int size, ChainStatus status)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(-1, -1);
        using var file = engine.Open(content.Path);
        var result = await Engines.RunEachWayAsync(engine, new ChainRequest(file, Engines.Follow, offset, size, default));
        Assert.Equal(new ChainResult { Status = status, OffsetBytes = (ulong)offset, SizeBytes = (uint)size }, result);
    }

    private static Task CheckPointer(EngineKind kind, long pointer, ChainStatus status) =>
        Check(kind, [512, pointer], new ChainResult { Status = status, Hops = 2, Bytes = 1024, OffsetBytes = (ulong)pointer, SizeBytes = 512 });

    private static async Task Check(EngineKind kind, long[] next, ChainResult expected, ChainLimits limits = default)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(next);
        using var file = engine.Open(content.Path);
        var result = await Engines.RunEachWayAsync(engine, new ChainRequest(file, Engines.Follow, 0, 512, default) { Limits = limits });
        Assert.Equal(expected, result);
    }

    private static async Task CheckStep(EngineKind kind, StorageStep step, ChainResult expected)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(-1, -1);
        using var file = engine.Open(content.Path);
        Assert.Equal(expected, await Engines.RunEachWayAsync(engine, new ChainRequest(file, Engines.Function(step), 0, 512, new byte[64])));
    }
}
