using System.Runtime.InteropServices;

namespace Fathom.Storage.Tests;

/// <summary>Files and engines that close while chains are in flight: chains end, callers return, nothing is left.</summary>
public partial class TeardownTests
{
    private const int WindowChanged = 28; // SIGWINCH

    private static readonly ChainLimits Endless = new() { ReadsMax = int.MaxValue, BytesMax = long.MaxValue };

    public static TheoryData<EngineKind> EngineKinds => Engines.All;

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public async Task FileClosedDuringChains_EndsThemAsClosed(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateRandom(1 << 20, 1);
        using var other = TestFile.CreateLinked(-1);
        var file = engine.Open(content.Path);
        using var staying = engine.Open(other.Path);
        var (wide, running) = WideAndEndless();
        var chains = Enumerable.Range(0, 8)
            .Select(_ => engine.RunAsync(new ChainRequest(file, wide, 0, 512, default) { Limits = Endless }).AsTask()).ToList();
        await running.Task;
        file.Dispose();
        Assert.All(await Task.WhenAll(chains), result => Assert.Equal(ChainStatus.Closed, result.Status));
        Assert.Equal(ChainStatus.Closed, engine.Run(new ChainRequest(file, Engines.Follow, 0, 512, default)).Status);
        Assert.True(engine.Run(new ChainRequest(staying, Engines.Follow, 0, 512, default)).IsDone);
        Assert.True((await engine.RunAsync(new ChainRequest(staying, Engines.Follow, 0, 512, default))).IsDone);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public async Task EngineClosedDuringChains_EndsThemAsClosed(EngineKind kind)
    {
        var engine = Engines.Start(kind);
        using var content = TestFile.CreateRandom(1 << 20, 1);
        using var file = engine.Open(content.Path);
        var (wide, running) = WideAndEndless();
        var request = new ChainRequest(file, wide, 0, 512, default) { Limits = Endless };
        var chains = Enumerable.Range(0, 100).Select(_ => engine.RunAsync(request).AsTask()).ToList();
        var blocking = Task.Factory.StartNew(() => engine.Run(request), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await running.Task;
        engine.Dispose();
        Assert.All(await Task.WhenAll(chains), result => Assert.Equal(ChainStatus.Closed, result.Status));
        Assert.Equal(ChainStatus.Closed, (await blocking).Status);
        Assert.Equal(ChainStatus.Closed, (await engine.RunAsync(request)).Status);
        Assert.Equal(ChainStatus.Closed, engine.Run(request).Status);
        engine.Dispose();
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void SignalsDuringChains_ChangeNothing(EngineKind kind)
    {
        if (!OperatingSystem.IsLinux())
            throw new SkipException("Signals are sent by a call of Linux.");
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateRandom(1 << 20, 1);
        using var file = engine.Open(content.Path);
        var seen = 0;
        using var handler = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, signal =>
        {
            Interlocked.Increment(ref seen);
            signal.Cancel = true;
        });
        var walk = Engines.Function((ref context, data, scratch) =>
        {
            if (context.Hop % 20 == 0)
                _ = Send(Environment.ProcessId, WindowChanged);
            context.Read(0, (context.Offset + 4096) % (1 << 20), 4096);
            context.Done = context.Hop == 1000 ? 1u : 0;
            return 0;
        });
        var requests = new ChainRequest[8];
        Array.Fill(requests, new ChainRequest(file, walk, 0, 4096, default) { Limits = Endless });
        var results = new ChainResult[requests.Length];
        engine.RunBatch(requests, results);
        Assert.All(results, result => Assert.Equal((ChainStatus.Done, 1001), (result.Status, result.Hops)));
        Assert.True(seen > 0);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public async Task FileClosedByItsOwnStep_EndsTheChain(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(0);
        foreach (var isAsync in new[] { false, true })
        {
            var file = engine.Open(content.Path);
            var function = Engines.Function((ref context, data, scratch) =>
            {
                if (context.Hop == 3)
                    file.Dispose();
                context.Read(0, 0, 512);
                return 0;
            });
            var request = new ChainRequest(file, function, 0, 512, default) { Limits = Endless };
            var result = isAsync ? await engine.RunAsync(request) : engine.Run(request);
            Assert.Equal(ChainStatus.Closed, result.Status);
            Assert.Equal(4, result.Hops);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public async Task EngineClosedByItsOwnStep_IsTheFunctionsException(EngineKind kind)
    {
        Engines.Start(kind).Dispose(); // skips where the kernel refuses
        using var content = TestFile.CreateLinked(-1);
        using var file = StorageFile.Open(content.Path, new StorageFileOptions { Engine = Engines.Options(kind) });
        var function = Engines.Function((ref context, data, scratch) =>
        {
            file.Dispose();
            return 0;
        });
        var request = new ChainRequest(file, function, 0, 512, default);
        foreach (var result in new[] { file.Engine.Run(request), await file.Engine.RunAsync(request) })
        {
            Assert.Equal(ChainStatus.FunctionException, result.Status);
            Assert.IsType<InvalidOperationException>(result.Exception);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public async Task ClosedFile_IsGivenUpByTheEngine(EngineKind kind)
    {
        Skip.IfNot(Directory.Exists("/proc/self/fd"), "Open files are listed by Linux only.");
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(-1);
        using var other = TestFile.CreateLinked(-1);
        using var staying = engine.Open(other.Path);
        for (var i = 0; i < 200; i++)
        {
            using var file = engine.Open(content.Path);
            Assert.True(engine.Run(new ChainRequest(file, Engines.Follow, 0, 512, default)).IsDone);
            Assert.True((await engine.RunAsync(new ChainRequest(file, Engines.Follow, 0, 512, default))).IsDone);
        }
        Assert.True(engine.Run(new ChainRequest(staying, Engines.Follow, 0, 512, default)).IsDone);
        var open = Directory.EnumerateFiles("/proc/self/fd").Count(link => new FileInfo(link).LinkTarget == content.Path);
        Assert.Equal(0, open);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void ThreadsThatCameAndWent_LeaveAnEngineThatWorks(EngineKind kind)
    {
        using var engine = Engines.Start(kind, options => options with { RingsMax = 3 });
        using var content = TestFile.CreateLinked(512, -1);
        using var file = engine.Open(content.Path);
        for (var i = 0; i < 20; i++)
        {
            var thread = new Thread(() => Assert.True(engine.Run(new ChainRequest(file, Engines.Follow, 0, 512, default)).IsDone));
            thread.Start();
            thread.Join();
        }
        Assert.Equal(20, engine.Counters.Chains);
    }

    /// <summary>A function that keeps sixteen reads in flight for ever, and a signal that it has begun to.</summary>
    private static (StorageFunction Wide, TaskCompletionSource Running) WideAndEndless()
    {
        var running = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var function = Engines.Function((ref context, data, scratch) =>
        {
            for (var i = (int)context.ReadsPending; i < StorageContext.NextReadsMax; i++)
                context.Read(i, (ulong)i * 65536, 65536);
            if (context.Hop == 50)
                running.TrySetResult();
            return 0;
        });
        return (function, running);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Send(int process, int signal);
}
