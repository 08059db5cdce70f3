using System.Security.Cryptography;
using System.Text;
using Fathom.FarMemory.BlockStore.Remote;
using Fathom.FarMemory.Transports;
using Fathom.Kernels.Attention;
using Fathom.Models.Execution;
using Fathom.Server.Metrics;
using Fathom.Serving;
using Fathom.Serving.Engine;
using Fathom.Serving.Metrics;
using Fathom.Serving.Requests;
using Fathom.Serving.Sampling;
using Fathom.Tiering;
using Fathom.Tiering.Far;
using Fathom.Tiering.Tiers;
using Microsoft.Extensions.Logging.Abstractions;

namespace TwoServers;

/// <summary>An engine with KV blocks of its own, and below them a block store that another process may serve.</summary>
internal sealed class Server : IAsyncDisposable
{
    private readonly TransformerModel _model;
    private readonly KvStorage _storage;
    private readonly RemoteBlocks _blocks;
    private readonly MeterScope _meters = new();
    private readonly KvTiering _tiering;
    private readonly ServingEngine _engine;

    public Server(TransformerModel model, string path, NodeEndpoint blockStore)
    {
        _model = model;
        _storage = model.CreateKvStorage(blocks: 128, KvType.F16);
        _blocks = new RemoteBlocks(blockStore, FarTier.Namespace);
        // What decides the bytes of a block: the model's content and the storage's format. Servers that agree on both share blocks.
        var root = KvChainRoot.Of(SHA256.HashData(File.ReadAllBytes(path)), _storage);
        _tiering = new KvTiering(
            new KvTieringOptions { Root = root, BlockBytes = _storage.BlockBytes, FetchesAlways = true },
            [new FarTier(_blocks, TimeSpan.FromSeconds(3))], _meters, "model", NullLogger.Instance);
        _engine = new ServingEngine(
            new LocalModelExecutor(model, _storage), model.Tokenizer, new ServingOptions(),
            new ServingMetrics(_meters, "model"), NullLogger<ServingEngine>.Instance, tiers: _tiering);
    }

    /// <summary>Continues a text, and waits until what was computed is in the block store.</summary>
    public async Task<(TokenUsage Usage, string Text)> ContinueAsync(string prompt)
    {
        var submission = _engine.Submit(new GenerationRequest
        {
            Prompt = _model.Tokenizer.Encode(prompt, addSpecial: true, parseSpecial: false),
            MaxNewTokens = 24,
            Sampling = SamplingParameters.Greedy,
        });
        if (submission.Generation is not { } generation)
            throw new InvalidOperationException(submission.Refusal?.Message);
        var text = new StringBuilder();
        var usage = default(TokenUsage);
        await foreach (var update in generation.ReadAllAsync())
        {
            text.Append(update.Text);
            usage = update.Usage ?? usage;
        }
        await _tiering.DrainAsync();
        return (usage, text.ToString());
    }

    public async ValueTask DisposeAsync()
    {
        await _engine.DisposeAsync();
        await _tiering.DisposeAsync();
        _blocks.Dispose();
        _storage.Dispose();
        _meters.Dispose();
    }
}
