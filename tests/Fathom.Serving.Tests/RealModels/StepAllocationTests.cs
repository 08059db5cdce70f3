using Fathom.Kernels.Attention;
using Fathom.Models.Execution;
using Fathom.Serving.Engine;
using Fathom.Serving.KvCache;
using Fathom.Serving.Tests.Engine;
using Fathom.Serving.Tests.Simulation;

namespace Fathom.Serving.Tests.RealModels;

/// <summary>Steps of a real model allocate nothing: the forward pass on all its threads, and the engine's loop around it.</summary>
[Collection(nameof(AloneInTheProcess))]
public class StepAllocationTests(TinyModel tiny) : IClassFixture<TinyModel>
{
    private const int Prompt = 20;
    private const int Steps = 300;
    private const int Rounds = 5;

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    public void Forward_ManySteps_AllocatesNothingInTheProcess(int batch)
    {
        int blocksEach = (Prompt + Steps) / ForwardBatch.BlockTokens + 1;
        using KvStorage kv = tiny.Model.CreateKvStorage(batch * blocksEach, KvType.F16);
        int[][] tables = [.. Enumerable.Range(0, batch).Select(i => Enumerable.Range(i * blocksEach, blocksEach).ToArray())];
        var logits = new float[batch * tiny.Model.Config.VocabularySize];
        var forward = new ForwardBatch();
        int[] prompt = EngineHarness.Prompt(1, Prompt);
        foreach (int[] table in tables)
        {
            forward.Clear();
            forward.Add(prompt, 0, table, LogitRows.None);
            tiny.Model.Forward(forward, kv, []);
        }

        Decode(0); // what grows with the batch has grown
        // The process is not only the model: the test host and the compiler's tiers allocate now and then. The model's steps would in each round.
        long allocated = Enumerable.Range(0, Rounds).Min(_ => Round());

        Assert.InRange(allocated, 0, 24L * Steps / Rounds); // far below one object a step

        long Round()
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int step = 1; step < Steps; step++)
                Decode(step);
            return GC.GetTotalAllocatedBytes(precise: true) - before;
        }

        void Decode(int step)
        {
            forward.Clear();
            foreach (int[] table in tables)
                forward.Add(prompt.AsSpan(step % Prompt, 1), Prompt + step, table, LogitRows.Last);
            tiny.Model.Forward(forward, kv, logits);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    public async Task EngineLoop_ManySteps_AllocatesNothingPerToken(int batch)
    {
        using KvStorage kv = tiny.Model.CreateKvStorage(512, KvType.F16);
        var executor = new RecordingExecutor(new LocalModelExecutor(tiny.Model, kv));
        await using var harness = new EngineHarness(executor, tokenizer: tiny.Model.Tokenizer);
        await RunAsync(harness, batch, 0);
        executor.Allocated.Clear();
        await RunAsync(harness, batch, 100);

        // As in AllocationTests: tables and mailboxes grow by doubling, a handful of times each among hundreds of iterations.
        List<long> steps = [.. executor.Allocated.Zip(executor.Allocated.Skip(1), (from, to) => to - from).Skip(50).Take(Steps - 100)];
        int growths = steps.Count(bytes => bytes > 0);
        Assert.True(growths <= 24, $"{growths} of {steps.Count} iterations allocated, {steps.Sum()} bytes in all");
    }

    private static Task<ChoiceResult[][]> RunAsync(EngineHarness harness, int batch, int seed) => Task.WhenAll(
        Enumerable.Range(0, batch).Select(i => harness.RunAsync(EngineHarness.Request(EngineHarness.Prompt(seed + i, Prompt), Steps))));

    /// <summary>Notes what the loop's thread had allocated at each iteration.</summary>
    private sealed class RecordingExecutor(IModelExecutor inner) : IModelExecutor
    {
        public List<long> Allocated { get; } = new(4 * Steps);

        public int VocabularySize => inner.VocabularySize;

        public int ContextLength => inner.ContextLength;

        public int Blocks => inner.Blocks;

        public int BlockBytes => inner.BlockBytes;

        public void Execute(ForwardBatch batch, Span<float> logits)
        {
            Allocated.Add(GC.GetAllocatedBytesForCurrentThread());
            inner.Execute(batch, logits);
        }

        public void CopyBlock(BlockId from, BlockId to) => inner.CopyBlock(from, to);

        public void ReadBlock(BlockId block, Span<byte> destination) => inner.ReadBlock(block, destination);

        public void WriteBlock(BlockId block, ReadOnlySpan<byte> source) => inner.WriteBlock(block, source);
    }
}
