using Fathom.Serving.Engine;
using Fathom.Serving.Requests;
using Fathom.Serving.Scheduling;
using Fathom.Serving.Tests.Simulation;

namespace Fathom.Serving.Tests.Engine;

/// <summary>The engine's life: arrivals, cancellations, drain, failure, limits.</summary>
public class ServingEngineTests
{
    private static readonly int[] Prompt = EngineHarness.Prompt(1, 40);

    [Fact]
    public async Task Cancel_RunningRequest_IsGoneFromTheNextIteration()
    {
        using var step = new StepByStep();
        var model = new SimulatedModel { OnExecute = step.OnExecute };
        await using var harness = new EngineHarness(model, new ServingOptions { PrefixCaching = false });
        Generation cut = harness.Accept(EngineHarness.Request(Prompt, 100));
        Generation stays = harness.Accept(EngineHarness.Request(EngineHarness.Prompt(2, 40), 100));
        do
        {
            await step.NextAsync();
        }
        while (step.Sequences < 2);

        cut.Cancel();
        await step.NextAsync();

        Assert.Equal(1, step.Sequences);
        await step.NextAsync();
        Assert.InRange(harness.Engine.Snapshot.UsedBlocks, 3, 4);
        ChoiceResult result = (await EngineHarness.ReadAsync(cut))[0];
        Assert.Equal(FinishReason.Cancelled, result.Reason);
        step.Free();
        Assert.Equal(FinishReason.Length, (await EngineHarness.ReadAsync(stays))[0].Reason);
    }

    [Fact]
    public async Task Cancel_ByTheSubmittersToken_EndsTheRequest()
    {
        using var step = new StepByStep();
        await using var harness = new EngineHarness(new SimulatedModel { OnExecute = step.OnExecute });
        using var source = new CancellationTokenSource();
        Generation generation = harness.Accept(EngineHarness.Request(Prompt, 2000), source.Token);
        await step.NextAsync();

        await source.CancelAsync();
        step.Free();

        Assert.Equal(FinishReason.Cancelled, (await EngineHarness.ReadAsync(generation))[0].Reason);
    }

    [Fact]
    public async Task Submit_WithATokenThatIsCancelled_EndsAtOnce()
    {
        await using var harness = new EngineHarness(new SimulatedModel());
        Generation generation = harness.Accept(EngineHarness.Request(Prompt, 2000), new CancellationToken(canceled: true));

        Assert.Equal(FinishReason.Cancelled, (await EngineHarness.ReadAsync(generation))[0].Reason);
    }

    [Fact]
    public async Task ReadAllAsync_ReaderLeaves_CancelsTheRequest()
    {
        using var step = new StepByStep();
        await using var harness = new EngineHarness(new SimulatedModel { OnExecute = step.OnExecute });
        Generation generation = harness.Accept(EngineHarness.Request(Prompt, 2000));
        await step.NextAsync();
        await step.NextAsync();
        await foreach (GenerationUpdate update in generation.ReadAllAsync())
        {
            Assert.Single(update.Tokens);
            break;
        }

        step.Free();
        await harness.Engine.DrainAsync();
        Assert.Equal(2, harness.Engine.Snapshot.GeneratedTokens);
        Assert.Equal(0, harness.Engine.Snapshot.UsedBlocks);
    }

    [Fact]
    public async Task ReadAllAsync_CancelledWhileWaiting_Throws()
    {
        using var step = new StepByStep();
        await using var harness = new EngineHarness(new SimulatedModel { OnExecute = step.OnExecute });
        Generation generation = harness.Accept(EngineHarness.Request(Prompt, 50));
        using var source = new CancellationTokenSource();
        Task read = Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (GenerationUpdate _ in generation.ReadAllAsync(source.Token))
            {
            }
        });

        await source.CancelAsync();

        await read;
        step.Free();
        await harness.Engine.DrainAsync();
        Assert.Equal(0, harness.Engine.Snapshot.UsedBlocks);
    }

    [Fact]
    public async Task ReadAllAsync_Twice_IsRefused()
    {
        await using var harness = new EngineHarness(new SimulatedModel());
        Generation generation = harness.Accept(EngineHarness.Request(Prompt, 2));
        await EngineHarness.ReadAsync(generation);

        Assert.Throws<InvalidOperationException>(() => generation.ReadAllAsync());
    }

    [Fact]
    public async Task SlowReader_GetsEverythingMerged()
    {
        await using var harness = new EngineHarness(new SimulatedModel());
        Generation slow = harness.Accept(EngineHarness.Request(Prompt, 300));
        // Nobody reads; the loop goes on and the others are served.
        await harness.RunAsync(EngineHarness.Request(Prompt, 400));

        int updates = 0, tokens = 0;
        await foreach (GenerationUpdate update in slow.ReadAllAsync())
        {
            updates++;
            tokens += update.Tokens.Count;
        }

        Assert.Equal(300, tokens);
        Assert.Equal(1, updates);
    }

    [Fact]
    public async Task Submit_QueueIsFull_IsRefused()
    {
        using var step = new StepByStep();
        await using var harness = new EngineHarness(new SimulatedModel { OnExecute = step.OnExecute }, new ServingOptions { MaxBatch = 1, QueueLimit = 2 });
        List<Generation> accepted = [harness.Accept(EngineHarness.Request(Prompt, 3))];
        await step.NextAsync();
        accepted.Add(harness.Accept(EngineHarness.Request(Prompt, 3)));
        accepted.Add(harness.Accept(EngineHarness.Request(Prompt, 3)));

        Submission refused = harness.Engine.Submit(EngineHarness.Request(Prompt, 3));

        Assert.Equal(RefusalReason.QueueFull, refused.Refusal?.Reason);
        Assert.Equal(2, harness.Engine.Snapshot.WaitingRequests);
        step.Free();
        foreach (Generation generation in accepted)
            Assert.Equal(FinishReason.Length, (await EngineHarness.ReadAsync(generation))[0].Reason);
        Assert.Equal(0, harness.Engine.Snapshot.WaitingRequests);
        Assert.True(harness.Engine.Submit(EngineHarness.Request(Prompt, 3)).IsAccepted);
    }

    [Fact]
    public async Task Drain_FinishesWhatRunsAndRefusesTheRest()
    {
        using var step = new StepByStep();
        await using var harness = new EngineHarness(new SimulatedModel { OnExecute = step.OnExecute });
        Generation running = harness.Accept(EngineHarness.Request(Prompt, 20));
        await step.NextAsync();

        Task drained = harness.Engine.DrainAsync();

        Assert.Equal(RefusalReason.Draining, harness.Engine.Submit(EngineHarness.Request(Prompt, 20)).Refusal?.Reason);
        Assert.False(drained.IsCompleted);
        step.Free();
        await drained;
        Assert.Equal(FinishReason.Length, (await EngineHarness.ReadAsync(running))[0].Reason);
        Assert.Equal(EngineState.Stopped, harness.Engine.Snapshot.State);
        Assert.Equal(RefusalReason.Stopped, harness.Engine.Submit(EngineHarness.Request(Prompt, 20)).Refusal?.Reason);
    }

    [Fact]
    public async Task Drain_Impatient_CancelsWhatRuns()
    {
        using var step = new StepByStep();
        await using var harness = new EngineHarness(new SimulatedModel { OnExecute = step.OnExecute });
        Generation running = harness.Accept(EngineHarness.Request(Prompt, 2000));
        await step.NextAsync();

        Task drained = harness.Engine.DrainAsync(new CancellationToken(canceled: true));
        step.Free();
        await drained;

        Assert.Equal(FinishReason.Cancelled, (await EngineHarness.ReadAsync(running))[0].Reason);
    }

    [Fact]
    public async Task Dispose_CancelsEverything()
    {
        using var step = new StepByStep();
        var harness = new EngineHarness(new SimulatedModel { OnExecute = step.OnExecute });
        Generation[] generations = [.. Enumerable.Range(0, 20).Select(i => harness.Accept(EngineHarness.Request(EngineHarness.Prompt(i, 30), 1500)))];
        await step.NextAsync();

        ValueTask disposed = harness.DisposeAsync();
        step.Free();
        await disposed;
        await harness.Engine.DisposeAsync();

        foreach (Generation generation in generations)
            Assert.Equal(FinishReason.Cancelled, (await EngineHarness.ReadAsync(generation))[0].Reason);
        Assert.Equal(RefusalReason.Stopped, harness.Engine.Submit(EngineHarness.Request(Prompt, 1)).Refusal?.Reason);
    }

    [Theory]
    [InlineData(SchedulingPolicy.Paged)]
    [InlineData(SchedulingPolicy.Request)]
    public async Task ExecutorThrows_EveryRequestFailsAndTheEngineStops(SchedulingPolicy policy)
    {
        int executions = 0;
        var model = new SimulatedModel
        {
            OnExecute = _ =>
            {
                if (++executions == 5)
                    throw new IOException("the device is gone");
            },
        };
        await using var harness = new EngineHarness(model, new ServingOptions { Policy = policy, MaxBatch = 2 });
        Generation[] generations = [.. Enumerable.Range(0, 5).Select(_ => harness.Engine.Submit(EngineHarness.Request(Prompt, 100)).Generation!)];

        foreach (Generation generation in generations.Where(generation => generation is not null))
        {
            ChoiceResult result = (await EngineHarness.ReadAsync(generation))[0];
            Assert.Equal(FinishReason.Error, result.Reason);
            Assert.Equal("the engine failed: the device is gone", result.Error);
        }

        await harness.Engine.Completion;
        Assert.Equal(EngineState.Failed, harness.Engine.Snapshot.State);
        Refusal? refusal = harness.Engine.Submit(EngineHarness.Request(Prompt, 1)).Refusal;
        Assert.Equal((RefusalReason.Stopped, "the engine failed: the device is gone"), (refusal?.Reason, refusal?.Message));
    }

    [Fact]
    public async Task LogitsNotNumbers_OnlyThatRequestFails()
    {
        var model = new BrokenRowModel(new SimulatedModel(), brokenToken: 255);
        await using var harness = new EngineHarness(model);

        Task<ChoiceResult[]> broken = harness.RunAsync(EngineHarness.Request([1, 2, 255], 10));
        Task<ChoiceResult[]> fine = harness.RunAsync(EngineHarness.Request([1, 2, 3], 3));

        Assert.Equal(FinishReason.Error, (await broken)[0].Reason);
        Assert.Equal(FinishReason.Length, (await fine)[0].Reason);
        Assert.Equal(EngineState.Running, harness.Engine.Snapshot.State);
    }

    [Fact]
    public void Options_OutOfRange_AreRefused()
    {
        ServingOptions[] bad =
        [
            new() { MaxBatch = 0 }, new() { TokenBudget = 8, MaxBatch = 16 }, new() { QueueLimit = 0 }, new() { MaxContextTokens = 0 },
        ];
        foreach (ServingOptions options in bad)
            Assert.Throws<ArgumentOutOfRangeException>(() => new EngineHarness(new SimulatedModel(), options));
    }
}
