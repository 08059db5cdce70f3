using System.Net;
using System.Text.Json;
using Fathom.Server.Tests.Fakes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Fathom.Server.Tests.Lifetime;

public sealed class DrainTests
{
    private const string Endless = "{\"messages\":[{\"role\":\"user\",\"content\":\"forever\"}],\"stream\":true}";

    [Fact]
    public async Task Stop_WhileAStreamRuns_FinishesItAndRefusesNewOnes()
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { DrainTimeoutSeconds = 60 });
        server.Executor.Hold();
        using var stream = await server.BeginStreamAsync("/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"last words\"}],\"stream\":true}");

        // What SIGTERM does in the host.
        server.App.Lifetime.StopApplication();
        var stopped = server.App.WaitForShutdownAsync();

        using var ready = await server.Client.GetAsync(new Uri("/ready", UriKind.Relative));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        using var health = await server.Client.GetAsync(new Uri("/health", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);
        using var refused = await server.PostAsync("/v1/completions", "{\"prompt\":\"a\"}");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal("draining", JsonElement.Parse(await refused.Content.ReadAsStringAsync()).GetProperty("error").GetProperty("code").GetString());
        Assert.False(stopped.IsCompleted);

        server.Executor.Release();
        var chunks = await ServerSentEvents.ReadChunksAsync(stream);
        Assert.Equal("stop", chunks[^1].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        await stopped;
    }

    [Fact]
    public async Task Stop_DrainTimeIsOver_EndsStreamsWithAnErrorEvent()
    {
        using var log = new GatheringLog();
        using var loggers = LoggerFactory.Create(builder => builder.AddProvider(log));
        await using var server = await RunningServer.StartAsync(new ServerOptions { DrainTimeoutSeconds = 0 }, loggers: loggers);
        server.Executor.Hold();
        using var stream = await server.BeginStreamAsync("/v1/chat/completions", Endless);
        server.App.Lifetime.StopApplication();
        var stopped = server.App.WaitForShutdownAsync();
        // The model computes again only after the engine was told to cancel.
        await log.WaitForEventAsync(3001);
        server.Executor.Release();
        var events = await ServerSentEvents.ReadAllAsync(stream);
        Assert.Equal("draining", JsonElement.Parse(events[^1]).GetProperty("error").GetProperty("code").GetString());
        await stopped;
    }
}
