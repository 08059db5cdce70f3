namespace Fathom.Storage.Tests;

/// <summary>Many chains at once, by the blocking and by the asynchronous face.</summary>
public class BatchTests
{
    public static TheoryData<EngineKind> EngineKinds => Engines.All;

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Results_StandInTheOrderOfTheRequests(EngineKind kind)
    {
        using var engine = Engines.Start(kind, options => options with { ChainsMax = 7 });
        using var content = TestFile.CreateLinked(-1, 0, 512, 1024, 1536, 2048, 2560, 3072);
        using var file = engine.Open(content.Path);
        var scratch = new byte[1000];
        var requests = new ChainRequest[1000];
        for (var i = 0; i < requests.Length; i++)
            requests[i] = new ChainRequest(file, Engines.Follow, i % 8 * 512, 512, scratch.AsMemory(i, 1));
        var results = new ChainResult[1000];
        engine.RunBatch(requests, results);
        for (var i = 0; i < requests.Length; i++)
        {
            Assert.Equal(new ChainResult { Status = ChainStatus.Done, Hops = (i % 8) + 1, Bytes = ((i % 8) + 1) * 512 }, results[i]);
            Assert.Equal((i % 8) + 1, scratch[i]);
        }
        Assert.Equal(1000, engine.Counters.Chains);
        Assert.Equal(4500, engine.Counters.Reads);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void ChainsOverSeveralFiles_ReadTheirOwn(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        var contents = Enumerable.Range(0, 70).Select(i => TestFile.CreateLinked(512, i % 2 == 0 ? -1 : 1024, -1)).ToList();
        var files = contents.ConvertAll(content => engine.Open(content.Path));
        var requests = Enumerable.Range(0, 700).Select(i => new ChainRequest(files[i % 70], Engines.Follow, 0, 512, default)).ToArray();
        var results = new ChainResult[700];
        engine.RunBatch(requests, results);
        Assert.All(results.Select((result, i) => (result, i)), pair => Assert.Equal((pair.i % 2) + 2, pair.result.Hops));
        files.ForEach(file => file.Dispose());
        contents.ForEach(content => content.Dispose());
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public async Task AsyncChains_BeyondTheBound_WaitTheirTurn(EngineKind kind)
    {
        using var engine = Engines.Start(kind, options => options with { ChainsMax = 3 });
        using var content = TestFile.CreateLinked(512, 1024, -1);
        using var file = engine.Open(content.Path);
        var tasks = Enumerable.Range(0, 500).Select(_ => engine.RunAsync(new ChainRequest(file, Engines.Follow, 0, 512, default)).AsTask()).ToList();
        Assert.All(await Task.WhenAll(tasks), result => Assert.Equal(new ChainResult { Status = ChainStatus.Done, Hops = 3, Bytes = 1536 }, result));
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public async Task ManyCallers_OfBothFaces_GetTheirOwnResults(EngineKind kind)
    {
        using var engine = Engines.Start(kind, options => options with { ChainsMax = 8, RingsMax = 2 });
        using var content = TestFile.CreateLinked(-1, 0, 512, 1024, 1536, 2048, 2560, 3072);
        using var file = engine.Open(content.Path);
        var callers = Enumerable.Range(0, 8).Select(caller => Task.Factory.StartNew(() =>
        {
            var results = new ChainResult[20];
            for (var round = 0; round < 10; round++)
            {
                engine.RunBatch([.. Enumerable.Range(0, 20).Select(i => new ChainRequest(file, Engines.Follow, (caller + i) % 8 * 512, 512, default))], results);
                for (var i = 0; i < results.Length; i++)
                    Assert.Equal(((caller + i) % 8) + 1, results[i].Hops);
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToList();
        for (var i = 0; i < 200; i++)
            Assert.Equal((i % 8) + 1, (await engine.RunAsync(new ChainRequest(file, Engines.Follow, i % 8 * 512, 512, default))).Hops);
        await Task.WhenAll(callers);
        Assert.Equal(1800, engine.Counters.Chains);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void LongChain_DoesNotHoldUpShortOnes(EngineKind kind)
    {
        using var engine = Engines.Start(kind, options => options with { ChainsMax = 4, Threads = 2 });
        using var content = TestFile.CreateLinked(0, -1);
        using var file = engine.Open(content.Path);
        var shortsOver = 0;
        var last = 0;
        var endless = Engines.Function((ref context, data, scratch) =>
        {
            context.Read(0, 0, 512);
            context.Done = Volatile.Read(ref shortsOver) == 200 ? 1u : 0;
            last = Volatile.Read(ref shortsOver);
            return 0;
        });
        var counted = Engines.Function((ref context, data, scratch) =>
        {
            Interlocked.Increment(ref shortsOver);
            context.Done = 1;
            return 0;
        });
        var requests = new ChainRequest[201];
        Array.Fill(requests, new ChainRequest(file, counted, 512, 512, default));
        requests[0] = new ChainRequest(file, endless, 0, 512, default) { Limits = new() { ReadsMax = int.MaxValue, BytesMax = long.MaxValue } };
        var results = new ChainResult[201];
        engine.RunBatch(requests, results);
        Assert.All(results, result => Assert.Equal(ChainStatus.Done, result.Status));
        Assert.Equal(200, last);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void SharedScratch_IsRefused(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(-1);
        using var file = engine.Open(content.Path);
        var (one, other) = (new byte[64], new byte[64]);
        ChainRequest Request(Memory<byte> scratch) => new(file, Engines.Follow, 0, 512, scratch);
        void Run(params Memory<byte>[] scratch) => engine.RunBatch([.. scratch.Select(Request)], new ChainResult[scratch.Length]);

        Run(one, other, default, default);
        Run(one.AsMemory(0, 32), one.AsMemory(32), other);
        Run(one.AsMemory(32), other, one.AsMemory(0, 32));
        var failure = Assert.Throws<ArgumentException>(() => Run(one, other, one));
        Assert.Contains("Chains 0 and 2 share scratch", failure.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Run(one.AsMemory(0, 33), one.AsMemory(32)));
        Assert.Throws<ArgumentException>(() => Run(other, one.AsMemory(10, 1), one));
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void RequestsThatCannotBe_AreRefused(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(-1);
        using var file = engine.Open(content.Path);
        using var stranger = StorageFile.Open(content.Path, new StorageFileOptions { Engine = new() { Kind = EngineKind.Threads } });
        var request = new ChainRequest(file, Engines.Follow, 0, 512, default);
        Assert.Throws<ArgumentException>(() => engine.Run(request with { File = stranger }));
        Assert.ThrowsAny<ArgumentException>(() => engine.Run(default));
        Assert.Throws<ArgumentException>(() => engine.Run(request with { Scratch = new byte[ChainRequest.ScratchBytesMax + 1] }));
        Assert.Throws<ArgumentException>(() => engine.RunBatch([request, request], new ChainResult[1]));
        engine.RunBatch([], []);
    }
}
