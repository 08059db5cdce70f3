using Fathom.Kernels.Attention;
using Fathom.Models.Execution;
using Fathom.Models.Quantization;
using Fathom.Models.Synthesis;
using Fathom.Serving;
using Fathom.Serving.Engine;
using Fathom.Serving.Metrics;
using Fathom.Serving.Requests;
using Fathom.Serving.Sampling;
using Fathom.Serving.Tests.Simulation;
using Fathom.Tiering.Tiers;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Tiering.Tests;

/// <summary>A synthetic model with F32 weights, made once for a class of tests.</summary>
public sealed class TinyModel : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-tiering-").FullName;

    public TinyModel()
    {
        Path = System.IO.Path.Combine(_folder, "tiny.gguf");
        ModelSynthesizer.Synthesize(Path, ModelShape.Find("tiny")!, WeightFormat.Find("f32")!, seed: 3, threads: 2);
        Model = TransformerModel.Load(Path, new ModelLoadOptions { Threads = 2 });
    }

    public string Path { get; }

    public TransformerModel Model { get; }

    public void Dispose()
    {
        Model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>An engine on a model with few blocks, and tiers below them.</summary>
internal sealed class TieredEngine : IAsyncDisposable
{
    private readonly TestMeterFactory _meters = new();
    private readonly KvStorage _storage;

    public TieredEngine(TransformerModel model, int blocks, IReadOnlyList<IKvTier> tiers, Func<KvTieringOptions, KvTieringOptions>? change = null, int maxBatch = 4)
    {
        _storage = model.CreateKvStorage(blocks, KvType.F32);
        if (tiers.Count > 0)
        {
            var options = new KvTieringOptions
            {
                Root = KvChainRoot.Of("tiny"u8, _storage),
                BlockBytes = _storage.BlockBytes,
                // A busy machine must not decide what comes from the tiers.
                FetchesAlways = true,
                LookUpTime = TimeSpan.FromSeconds(20),
                FetchTimeMax = TimeSpan.FromSeconds(20),
            };
            Tiering = new KvTiering(change?.Invoke(options) ?? options, tiers, _meters, "tiny", NullLogger.Instance);
        }
        Engine = new ServingEngine(
            new LocalModelExecutor(model, _storage), model.Tokenizer, new ServingOptions { MaxBatch = maxBatch, TokenBudget = 256 },
            new ServingMetrics(_meters, "tiny"), NullLogger<ServingEngine>.Instance, tiers: Tiering);
    }

    public ServingEngine Engine { get; }

    public KvTiering? Tiering { get; }

    public static GenerationRequest Request(ReadOnlyMemory<int> prompt, int maxNewTokens = 8) => new()
    {
        Prompt = prompt,
        MaxNewTokens = maxNewTokens,
        IgnoreEndOfGeneration = true,
        Sampling = SamplingParameters.Greedy,
    };

    public static int[] Prompt(int seed, int length)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(3, 1000))];
    }

    /// <summary>Generates, and waits until what was computed is in the tiers.</summary>
    public async Task<Answer> RunAsync(ReadOnlyMemory<int> prompt, int maxNewTokens = 8)
    {
        var answer = await ReadAsync(Engine.Submit(Request(prompt, maxNewTokens)));
        if (Tiering is not null)
            await Tiering.DrainAsync();
        return answer;
    }

    public static async Task<Answer> ReadAsync(Submission submission)
    {
        Assert.True(submission.IsAccepted, submission.Refusal?.Message);
        var tokens = new List<int>();
        TokenUsage? usage = null;
        FinishReason? reason = null;
        await foreach (var update in submission.Generation.ReadAllAsync())
        {
            tokens.AddRange(update.Tokens.Select(token => token.Token));
            usage = update.Usage ?? usage;
            reason = update.FinishReason ?? reason;
        }
        return new Answer([.. tokens], usage!.Value.CachedTokens, reason);
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        if (Tiering is not null)
            await Tiering.DisposeAsync();
        _storage.Dispose();
        _meters.Dispose();
    }
}

internal sealed record Answer(int[] Tokens, int CachedTokens, FinishReason? Reason);
