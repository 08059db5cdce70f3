using Fathom.Kernels.Attention;
using Fathom.Models.Execution;
using Fathom.Models.Quantization;
using Fathom.Models.Synthesis;
using Fathom.Serving.Engine;
using Fathom.Serving.Requests;
using Fathom.Serving.Sampling;
using Fathom.Serving.Tests.Simulation;

namespace Fathom.Serving.Tests.RealModels;

/// <summary>A synthetic model of real shape, made once.</summary>
public sealed class TinyModel : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-serving-").FullName;

    public TinyModel()
    {
        string path = Path.Combine(_folder, "tiny.gguf");
        ModelSynthesizer.Synthesize(path, ModelShape.Find("tiny")!, WeightFormat.Find("f16")!, seed: 1, threads: 2);
        Model = TransformerModel.Load(path, new ModelLoadOptions { Threads = 2 });
    }

    public TransformerModel Model { get; }

    public void Dispose()
    {
        Model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>Tokens from real kernels: the same whatever surrounds the request.</summary>
public class TinyModelTests(TinyModel tiny) : IClassFixture<TinyModel>
{
    private const int Requests = 16;

    [Theory]
    [InlineData(true, 512, 400)]
    [InlineData(false, 512, 400)]
    [InlineData(true, 20, 400)]
    [InlineData(false, 20, 400)]
    [InlineData(true, 48, 30)]
    [InlineData(false, 48, 30)]
    public async Task Tokens_InAMixedBatch_AreThoseOfTheRequestAlone(bool prefixCaching, int budget, int blocks)
    {
        GenerationRequest[] requests = [.. Enumerable.Range(0, Requests).Select(Request)];
        int[][] alone = await RunAsync(requests, new ServingOptions { MaxBatch = 1, PrefixCaching = false, TokenBudget = 2048 }, 400, _ => { });

        int[][] together = await RunAsync(requests, new ServingOptions { PrefixCaching = prefixCaching, TokenBudget = budget }, blocks, engine =>
        {
            Assert.Equal(blocks == 30, engine.Snapshot.Preemptions > 0);
            Assert.Equal(prefixCaching, engine.Snapshot.PrefixHitTokens > 0);
            Assert.Equal(0, engine.Snapshot.UsedBlocks);
        });

        for (int i = 0; i < Requests; i++)
            Assert.Equal(alone[i], together[i]);
        Assert.True(alone.Select(tokens => string.Join(',', tokens)).Distinct().Count() > Requests / 2, "the model says the same to everything");
    }

    [Fact]
    public async Task Choices_ShareTheirPromptAndDiffer()
    {
        using KvStorage kv = tiny.Model.CreateKvStorage(100, KvType.F32);
        await using var harness = new EngineHarness(new LocalModelExecutor(tiny.Model, kv), tokenizer: tiny.Model.Tokenizer);
        GenerationRequest request = Request(1) with { Choices = 4, Sampling = new SamplingParameters { Seed = 1, Temperature = 3 } };

        ChoiceResult[] together = await harness.RunAsync(request);
        ChoiceResult[] single = await harness.RunAsync(request with { Choices = 1 });

        Assert.Equal(single[0].Tokens, together[0].Tokens);
        Assert.Equal(4, together.Select(choice => string.Join(',', choice.Tokens)).Distinct().Count());
    }

    private async Task<int[][]> RunAsync(GenerationRequest[] requests, ServingOptions options, int blocks, Action<ServingEngine> check)
    {
        using KvStorage kv = tiny.Model.CreateKvStorage(blocks, KvType.F32);
        await using var harness = new EngineHarness(new LocalModelExecutor(tiny.Model, kv), options, tiny.Model.Tokenizer);
        Generation[] generations = [.. requests.Select(request => harness.Accept(request))];
        ChoiceResult[][] results = await Task.WhenAll(generations.Select(EngineHarness.ReadAsync));
        await harness.Engine.DrainAsync();
        check(harness.Engine);
        return [.. results.Select(result => result[0].Tokens)];
    }

    private static GenerationRequest Request(int i)
    {
        int[] head = EngineHarness.Prompt(1000 + (i % 2), 36);
        int[] tail = EngineHarness.Prompt(i, 1 + (i * 7 % 40));
        return EngineHarness.Request([.. head, .. tail], 24 + (i * 31 % 60), seed: i % 3 == 0 ? null : (ulong)i);
    }
}
