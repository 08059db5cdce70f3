using Fathom.Cli.CommandLine;
using Fathom.Cli.Commands.Tiers;
using Fathom.Cli.Reports;
using Fathom.Kernels.Attention;
using Fathom.Models.ChatTemplates;
using Fathom.Models.Execution;
using Fathom.Server;
using Fathom.Server.Metrics;
using Fathom.Serving;
using Fathom.Serving.Engine;
using Fathom.Serving.Metrics;
using Microsoft.Extensions.Logging;

namespace Fathom.Cli.Commands;

/// <summary>A model in memory with its KV blocks and the engine that serves it; owns all three and the engine's meters.</summary>
internal sealed class LoadedModel : IAsyncDisposable
{
    private readonly KvStorage _storage;
    private readonly KvTierSet? _tiers;

    private LoadedModel(TransformerModel model, KvStorage storage, KvTierSet? tiers, ServedModel served, MeterScope meters)
    {
        _storage = storage;
        _tiers = tiers;
        Model = model;
        Served = served;
        Meters = meters;
    }

    public TransformerModel Model { get; }

    /// <summary>Name, engine, tokenizer and chat template, as the server and the chat client take them.</summary>
    public ServedModel Served { get; }

    public ServingEngine Engine => Served.Engine;

    public MeterScope Meters { get; }

    /// <summary>Loads the model of the --model option and starts its engine.</summary>
    /// <param name="invocation">Has the options of <see cref="EngineSettings.SingleUser"/>.</param>
    /// <param name="options">How to schedule.</param>
    /// <param name="name">What the API calls the model; null for its file name.</param>
    /// <param name="loggers">Where the engine logs.</param>
    /// <param name="tiers">What goes below the KV blocks, disposed with the model; null for nothing.</param>
    public static LoadedModel Start(Invocation invocation, ServingOptions options, string? name, ILoggerFactory loggers, KvTierSet? tiers = null)
    {
        var parsed = invocation.Options;
        var modelOption = ModelSource.Option.Read(parsed);
        name ??= ModelSource.NameOf(modelOption);
        var (type, memory) = (EngineSettings.KvFormat.Read(parsed), EngineSettings.KvMemory.Read(parsed));
        var path = ModelSource.Resolve(modelOption);
        var model = ProgressBar.Load(
            path, EngineSettings.Threads.Read(parsed), options.MaxContextTokens ?? 0, invocation.Terminal,
            EngineSettings.PackedCache.Read(parsed));
        var meters = new MeterScope();
        KvStorage? storage = null;
        try
        {
            var template = model.ChatTemplateSource is { } source ? ChatTemplate.Parse(source) : null;
            var context = Math.Min(options.MaxContextTokens ?? int.MaxValue, model.Config.ContextLength);
            storage = model.CreateKvStorage(KvMemoryBudget.Blocks(model, type, memory, options.MaxBatch, context), type);
            var engine = new ServingEngine(
                new LocalModelExecutor(model, storage), model.Tokenizer, options, new ServingMetrics(meters, name), loggers.CreateLogger<ServingEngine>(),
                tiers: tiers?.Open(path, storage, meters, name));
            return new LoadedModel(model, storage, tiers, new ServedModel(name, engine, model.Tokenizer, template), meters);
        }
        catch
        {
            storage?.Dispose();
            meters.Dispose();
            model.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        if (_tiers is not null)
            await _tiers.DisposeAsync();
        Meters.Dispose();
        _storage.Dispose();
        Model.Dispose();
    }
}
