namespace Fathom.Storage.Tests;

/// <summary>What a step sees and what a chain may do, on every engine.</summary>
public class ChainTests
{
    public static TheoryData<EngineKind> EngineKinds => Engines.All;

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public async Task Chain_OverLinkedBlocks_EndsDoneWithItsCost(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(1536, -1, 512, 1024);
        using var file = engine.Open(content.Path);
        var scratch = new byte[8];
        var result = engine.Run(new ChainRequest(file, Engines.Follow, 0, 512, scratch));
        Assert.Equal(new ChainResult { Status = ChainStatus.Done, Hops = 4, Bytes = 2048 }, result);
        Assert.Equal(4, scratch[0]);
        Assert.Equal(result, await engine.RunAsync(new ChainRequest(file, Engines.Follow, 0, 512, default)));
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Step_SeesOnlyWhatWasRead(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateRandom(1 << 18, 1);
        using var file = engine.Open(content.Path);
        var expected = File.ReadAllBytes(content.Path);
        foreach (var size in new[] { 512, 1024, 1536, 4096, 65536 })
        {
            var seen = Array.Empty<byte>();
            var offset = 8192 + size / 512 * 512;
            var function = Engines.Function((ref context, data, scratch) =>
            {
                seen = data.ToArray();
                context.Done = 1;
                return 0;
            });
            Assert.True(engine.Run(new ChainRequest(file, function, offset, size, default)).IsDone);
            Assert.Equal(expected[offset..(offset + size)], seen);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void ReadAcrossTheEndOfFile_ShowsWhatTheFileHas(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateRandom(5000, 2);
        using var file = engine.Open(content.Path);
        var seen = Array.Empty<byte>();
        var function = Engines.Function((ref context, data, scratch) =>
        {
            seen = data.ToArray();
            Assert.Equal((uint)data.Length, context.Size);
            context.Done = 1;
            return 0;
        });
        Assert.True(engine.Run(new ChainRequest(file, function, 4096, 4096, default)).IsDone);
        Assert.Equal(File.ReadAllBytes(content.Path)[4096..], seen);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void Context_TellsOffsetHopAndPendingReads(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateRandom(64 << 10, 3);
        using var file = engine.Open(content.Path);
        List<(ulong Offset, uint Hop, uint Pending, uint Scratch)> seen = [];
        var function = Engines.Function((ref context, data, scratch) =>
        {
            seen.Add((context.Offset, context.Hop, context.ReadsPending, context.ScratchSize));
            Assert.Equal(0u, context.Done);
            Assert.Equal(0u, context.NextSize[0]);
            Assert.Equal(0ul, context.NextOffset[3]);
            if (context.Hop == 0)
            {
                // Not in order of the file, with gaps in the list of reads.
                context.Read(0, 8192, 4096);
                context.Read(7, 1024, 512);
                context.Read(15, 4096, 1024);
            }
            else if (context.Hop == 1)
            {
                context.Read(0, 512, 512);
            }
            context.Done = context.Hop == 4 ? 1u : 0;
            return 0;
        });
        Assert.True(engine.Run(new ChainRequest(file, function, 0, 512, new byte[100])).IsDone);
        Assert.Equal([(0, 0, 0, 100), (8192, 1, 2, 100), (1024, 2, 2, 100), (4096, 3, 1, 100), (512, 4, 0, 100)], seen);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void WritesToReadOnlyFields_AreLost(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(512, -1);
        using var file = engine.Open(content.Path);
        var function = Engines.Function(static (ref context, data, scratch) =>
        {
            Assert.InRange(context.Hop, 0u, 1u);
            Assert.Equal(512u, context.Size);
            context.Done = context.Hop;
            context.Read(0, 512, 512);
            (context.Hop, context.Size, context.Offset, context.ReadsPending) = (77, 1 << 20, 5, 9);
            return 0;
        });
        Assert.Equal(new ChainResult { Status = ChainStatus.Done, Hops = 2, Bytes = 1024 }, engine.Run(new ChainRequest(file, function, 0, 512, default)));
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void FanOutOfSixteen_RunsStepsInTheOrderOfAsking(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateRandom(1 << 20, 4);
        using var file = engine.Open(content.Path);
        List<ulong> seen = [];
        var function = Engines.Function((ref context, data, scratch) =>
        {
            seen.Add(context.Offset);
            if (context.Hop == 0)
            {
                for (var i = 0; i < 16; i++)
                    context.Read(i, (ulong)((i * 7919 % 16) + 1) * 32768, 512u << (i % 7));
            }
            context.Done = context.Hop == 16 ? 1u : 0;
            return 0;
        });
        Assert.Equal(ChainStatus.Done, engine.Run(new ChainRequest(file, function, 0, 512, default)).Status);
        Assert.Equal([0, .. Enumerable.Range(0, 16).Select(i => (ulong)((i * 7919 % 16) + 1) * 32768)], seen);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public async Task DoneWithReadsPending_EndsAtOnceAndLeavesTheEngineUsable(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateRandom(1 << 20, 5);
        using var file = engine.Open(content.Path);
        var function = Engines.Function(static (ref context, data, scratch) =>
        {
            for (var i = 0; i < 16; i++)
                context.Read(i, (ulong)i * 65536, 65536);
            context.Done = context.Hop == 1 ? 1u : 0;
            return 0;
        });
        for (var i = 0; i < 50; i++)
        {
            var result = await Engines.RunEachWayAsync(engine, new ChainRequest(file, function, 0, 512, default));
            Assert.Equal(new ChainResult { Status = ChainStatus.Done, Hops = 2, Bytes = 512 + 65536 }, result);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void FunctionThatThrows_EndsItsChainOnly(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(512, -1);
        using var file = engine.Open(content.Path);
        var thrower = Engines.Function(static (ref context, data, scratch) => throw new FormatException("a bad page"));
        var results = new ChainResult[3];
        engine.RunBatch(
            [new(file, Engines.Follow, 0, 512, default), new(file, thrower, 0, 512, default), new(file, Engines.Follow, 512, 512, default)], results);
        Assert.Equal([ChainStatus.Done, ChainStatus.FunctionException, ChainStatus.Done], results.Select(result => result.Status));
        Assert.IsType<FormatException>(results[1].Exception);
        var failure = Assert.Throws<ChainException>(() => results[1].ThrowUnlessDone());
        Assert.Contains("a bad page", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [SkippableTheory]
    [MemberData(nameof(EngineKinds))]
    public void ChainInsideAStep_IsTheFunctionsException(EngineKind kind)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(-1);
        using var file = engine.Open(content.Path);
        var nested = Engines.Function((ref context, data, scratch) =>
        {
            _ = engine.Run(new ChainRequest(file, Engines.Follow, 0, 512, default));
            return 0;
        });
        var result = engine.Run(new ChainRequest(file, nested, 0, 512, default));
        Assert.Equal(ChainStatus.FunctionException, result.Status);
        Assert.IsType<InvalidOperationException>(result.Exception);
        Assert.True(engine.Run(new ChainRequest(file, Engines.Follow, 0, 512, default)).IsDone);
    }
}
