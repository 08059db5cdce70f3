using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Fathom.Models.ChatTemplates;
using Fathom.Server.Metrics;
using Fathom.Serving;
using Fathom.Serving.Engine;
using Fathom.Serving.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Server.Tests.Fakes;

/// <summary>A server on a free port with the echo model behind the real engine.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    public const string ModelName = "echo";
    public const int ContextTokens = 512;

    private readonly MeterScope _meters = new();

    private RunningServer(ServerOptions options, ServingOptions serving, int blocks, ILoggerFactory? loggers)
    {
        Executor = new EchoExecutor(blocks, ContextTokens);
        var tokenizer = new ByteTokenizer();
        Engine = new ServingEngine(Executor, tokenizer, serving, new ServingMetrics(_meters, ModelName), NullLogger<ServingEngine>.Instance);
        Model = new ServedModel(ModelName, Engine, tokenizer, ChatTemplate.Parse(ByteTokenizer.ChatTemplateSource), ["org/echo-alias"]);
        App = FathomServer.Build(options with { Port = 0 }, [Model], _meters, loggers);
    }

    public EchoExecutor Executor { get; }

    public ServingEngine Engine { get; }

    public ServedModel Model { get; }

    public WebApplication App { get; }

    public Uri Address { get; private set; } = null!;

    public HttpClient Client { get; private set; } = null!;

    public static async Task<RunningServer> StartAsync(
        ServerOptions? options = null, ServingOptions? serving = null, int blocks = 512, ILoggerFactory? loggers = null)
    {
        var server = new RunningServer(options ?? new ServerOptions(), serving ?? new ServingOptions(), blocks, loggers);
        await server.App.StartAsync();
        server.Address = new Uri(server.App.Urls.First());
        server.Client = new HttpClient { BaseAddress = server.Address };
        return server;
    }

    public Task<HttpResponseMessage> PostAsync(string path, string json, CancellationToken cancellationToken = default) =>
        Client.PostAsync(new Uri(path, UriKind.Relative), JsonContent(json), cancellationToken);

    /// <summary>Posts and reads the answer whatever its status.</summary>
    public async Task<(int Status, JsonElement Body)> CallAsync(string path, string json)
    {
        using var response = await PostAsync(path, json);
        return ((int)response.StatusCode, JsonElement.Parse(await response.Content.ReadAsStringAsync()));
    }

    /// <summary>Begins a stream and gives the response once its headers are there.</summary>
    public async Task<HttpResponseMessage> BeginStreamAsync(string path, string json, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent(json) };
        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    /// <summary>Waits until every KV block is free or cached again.</summary>
    public async Task WaitUntilIdleAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (Engine.Snapshot is { } s && (s.UsedBlocks != 0 || s.RunningSequences != 0 || s.WaitingRequests != 0))
            await Task.Delay(1, limit.Token);
    }

    public static StringContent JsonContent(string json) => new(json, Encoding.UTF8, new MediaTypeHeaderValue("application/json", "utf-8"));

    public async ValueTask DisposeAsync()
    {
        Executor.Release();
        Client?.Dispose();
        await Engine.DisposeAsync();
        await App.DisposeAsync();
        _meters.Dispose();
        Executor.Dispose();
    }
}
