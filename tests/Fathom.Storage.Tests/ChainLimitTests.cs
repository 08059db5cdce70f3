namespace Fathom.Storage.Tests;

/// <summary>Deadlines and cancellation: a chain ends in time whatever its function does.</summary>
public class ChainLimitTests
{
    public static TheoryData<EngineKind> EngineKinds => Engines.All;

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Deadline_PassedDuringTheChain_EndsItBeforeTheNextStep(EngineKind kind)
    {
        var clock = new ManualClock();
        using var engine = Engines.Start(kind, options => options with { Time = clock });
        using var content = TestFile.CreateLinked(0);
        using var file = engine.Open(content.Path);
        var function = Engines.Function((ref context, data, scratch) =>
        {
            clock.Advance(TimeSpan.FromMilliseconds(4));
            context.Read(0, 0, 512);
            return 0;
        });
        var limits = new ChainLimits { Deadline = TimeSpan.FromMilliseconds(10) };
        var result = engine.Run(new ChainRequest(file, function, 0, 512, default) { Limits = limits });
        Assert.Equal(new ChainResult { Status = ChainStatus.Deadline, Hops = 3, Bytes = 1536 }, result);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public async Task Deadline_OfOneChain_LeavesTheOthersAlone(EngineKind kind)
    {
        var clock = new ManualClock();
        using var engine = Engines.Start(kind, options => options with { Time = clock, Threads = 1 });
        using var content = TestFile.CreateLinked(0, -1);
        using var file = engine.Open(content.Path);
        var endless = Engines.Function((ref context, data, scratch) =>
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            context.Read(0, 0, 512);
            return 0;
        });
        var short1 = engine.RunAsync(new ChainRequest(file, endless, 0, 512, default) { Limits = new() { Deadline = TimeSpan.FromSeconds(20) } });
        var other = engine.RunAsync(new ChainRequest(file, Engines.Follow, 512, 512, default) { Limits = new() { Deadline = Timeout.InfiniteTimeSpan } });
        Assert.Equal(ChainStatus.Deadline, (await short1).Status);
        Assert.Equal(ChainStatus.Done, (await other).Status);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public async Task Deadline_InThePast_RunsNoStep(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(-1);
        using var file = engine.Open(content.Path);
        var limits = new ChainLimits { Deadline = TimeSpan.FromSeconds(-5) };
        var result = await Engines.RunEachWayAsync(engine, new ChainRequest(file, Engines.Follow, 0, 512, default) { Limits = limits });
        Assert.Equal(new ChainResult { Status = ChainStatus.Deadline }, result);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public async Task Cancellation_BeforeTheStart_RunsNoStep(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(-1);
        using var file = engine.Open(content.Path);
        var request = new ChainRequest(file, Engines.Follow, 0, 512, default) { Cancellation = new CancellationToken(canceled: true) };
        Assert.Equal(new ChainResult { Status = ChainStatus.Cancelled }, await Engines.RunEachWayAsync(engine, request));
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Cancellation_DuringTheChain_EndsItBeforeTheNextStep(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(0);
        using var file = engine.Open(content.Path);
        using var source = new CancellationTokenSource();
        var function = Engines.Function((ref context, data, scratch) =>
        {
            if (context.Hop == 4)
                source.Cancel();
            context.Read(0, 0, 512);
            return 0;
        });
        var result = engine.Run(new ChainRequest(file, function, 0, 512, default) { Cancellation = source.Token });
        Assert.Equal(new ChainResult { Status = ChainStatus.Cancelled, Hops = 5, Bytes = 2560 }, result);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void NegativeLimits_AreRefused(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(-1);
        using var file = engine.Open(content.Path);
        Assert.Throws<ArgumentException>(() =>
            engine.Run(new ChainRequest(file, Engines.Follow, 0, 512, default) { Limits = new() { ReadsMax = -1 } }));
        Assert.Throws<ArgumentException>(() =>
            engine.Run(new ChainRequest(file, Engines.Follow, 0, 512, default) { Limits = new() { BytesMax = -1 } }));
    }
}
