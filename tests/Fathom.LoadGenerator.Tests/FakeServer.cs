using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fathom.LoadGenerator.Tests;

/// <summary>A Kestrel on a loopback port that speaks the completions protocol as a test tells it to.</summary>
internal sealed class FakeServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeServer(WebApplication app) => _app = app;

    public Uri Url => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());

    /// <summary>Bodies of the streaming requests, in order of arrival.</summary>
    public ConcurrentQueue<JsonObject> Streams { get; } = new();

    /// <summary>Bodies of the requests without streaming, which find out what the server takes.</summary>
    public ConcurrentQueue<JsonObject> Probes { get; } = new();

    /// <param name="stream">Answers a streaming request.</param>
    /// <param name="probe">Answers a request without streaming; null answers with one token.</param>
    public static async Task<FakeServer> StartAsync(
        Func<HttpContext, JsonObject, Task> stream, Func<HttpContext, JsonObject, Task>? probe = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var server = new FakeServer(app);
        app.MapGet("/v1/models", () => Results.Text("{\"data\":[{\"id\":\"fake-model\"}]}", "application/json"));
        app.MapPost("/v1/completions", async context =>
        {
            var body = (await JsonNode.ParseAsync(context.Request.Body))!.AsObject();
            var isStream = (bool?)body["stream"] ?? false;
            (isStream ? server.Streams : server.Probes).Enqueue(body);
            if (isStream)
                await stream(context, body);
            else
                await (probe ?? AnswerProbeAsync)(context, body);
        });
        await app.StartAsync();
        return server;
    }

    public static Task AnswerProbeAsync(HttpContext context, JsonObject body) => context.Response.WriteAsync(
        $"{{\"choices\":[{{\"text\":\"x\"}}],\"usage\":{{\"prompt_tokens\":{PromptLength(body)},\"completion_tokens\":1}}}}");

    public static Task RefuseAsync(HttpContext context, int status, string message)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync($"{{\"error\":{{\"message\":\"{message}\"}}}}");
    }

    /// <summary>A whole answer: as many tokens as asked for, usage, done.</summary>
    public static async Task AnswerAsync(HttpContext context, JsonObject body)
    {
        for (var i = 0; i < (int)body["max_tokens"]!; i++)
            await WriteAsync(context, Token("t"));
        await WriteAsync(context, Usage(body));
        await WriteAsync(context, "data: [DONE]\n\n");
    }

    public static async Task WriteAsync(HttpContext context, string text)
    {
        if (!context.Response.HasStarted)
            context.Response.ContentType = "text/event-stream";
        await context.Response.WriteAsync(text);
        await context.Response.Body.FlushAsync();
    }

    public static string Token(string text) => $"data: {{\"choices\":[{{\"index\":0,\"text\":\"{text}\",\"finish_reason\":null}}]}}\n\n";

    public static string Usage(JsonObject body) =>
        $"data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":{PromptLength(body)},\"completion_tokens\":{body["max_tokens"]}}}}}\n\n";

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static int PromptLength(JsonObject body) => body["prompt"] is JsonArray ids
        ? ids.Count
        : ((string)body["prompt"]!).Split(' ').Length;
}
