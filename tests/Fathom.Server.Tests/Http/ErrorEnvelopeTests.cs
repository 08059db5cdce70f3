using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Fathom.Server.Tests.Fakes;
using Fathom.Server.Tests.OpenAi;

namespace Fathom.Server.Tests.Http;

public sealed class ErrorEnvelopeTests
{
    [Theory]
    [InlineData("GET", "/nope", 404, "unknown_url")]
    [InlineData("POST", "/v1/embeddings", 404, "unknown_url")]
    [InlineData("GET", "/v1/chat/completions", 405, "method_not_allowed")]
    [InlineData("DELETE", "/v1/models", 405, "method_not_allowed")]
    [InlineData("GET", "/v1/models/missing", 404, "model_not_found")]
    public async Task Request_UnknownRouteMethodOrModel_HasEnvelope(string method, string path, int status, string code)
    {
        await using var server = await RunningServer.StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var response = await server.Client.SendAsync(request);
        var body = JsonElement.Parse(await response.Content.ReadAsStringAsync());
        RequestValidationTests.AssertError(body, (int)response.StatusCode, status, code == "model_not_found" ? "model" : null, code);
        if (status == 405)
            Assert.NotEmpty(response.Content.Headers.Allow);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData(null)]
    public async Task Post_OtherMediaType_415(string? type)
    {
        await using var server = await RunningServer.StartAsync();
        using var content = new ByteArrayContent("{\"prompt\":\"a\"}"u8.ToArray());
        content.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);
        using var response = await server.Client.PostAsync(new Uri("/v1/completions", UriKind.Relative), content);
        RequestValidationTests.AssertError(JsonElement.Parse(await response.Content.ReadAsStringAsync()), (int)response.StatusCode, 415, null, "unsupported_media_type");
    }

    [Fact]
    public async Task Post_CompressedBody_415()
    {
        await using var server = await RunningServer.StartAsync();
        using var content = RunningServer.JsonContent("{\"prompt\":\"a\"}");
        content.Headers.ContentEncoding.Add("gzip");
        using var response = await server.Client.PostAsync(new Uri("/v1/completions", UriKind.Relative), content);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Post_LargerThanLimit_413(bool chunked)
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { RequestBodyMaxBytes = 2048 });
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = RunningServer.JsonContent($"{{\"prompt\":\"{new string('x', 4000)}\"}}"),
        };
        request.Headers.TransferEncodingChunked = chunked;
        using var response = await server.Client.SendAsync(request);
        RequestValidationTests.AssertError(JsonElement.Parse(await response.Content.ReadAsStringAsync()), (int)response.StatusCode, 413, null, "request_too_large");
    }

    [Theory]
    [InlineData("{\"prompt\": \"a\",}", "line 1, byte 16")]
    [InlineData("{\"prompt\"", "line 1")]
    [InlineData("not json", "line 1, byte 2")]
    public async Task Post_MalformedJson_400WithPosition(string json, string position)
    {
        await using var server = await RunningServer.StartAsync();
        var (status, body) = await server.CallAsync("/v1/completions", json);
        RequestValidationTests.AssertError(body, status, 400, null, "invalid_json");
        Assert.Contains(position, body.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_QueueFull_503WithRetryAfter()
    {
        await using var server = await RunningServer.StartAsync(serving: new Serving.ServingOptions { MaxBatch = 1, QueueLimit = 1 });
        server.Executor.Hold();
        var waiting = new List<Task<HttpResponseMessage>>();
        HttpResponseMessage? refused = null;
        // One runs, one waits; how many the engine has taken from its inbox meanwhile decides which of the next is refused.
        for (var i = 0; i < 16 && refused is null; i++)
        {
            var response = await server.BeginStreamAsync("/v1/completions", "{\"prompt\":\"a\",\"stream\":true}");
            if (response.StatusCode == HttpStatusCode.ServiceUnavailable)
                refused = response;
            else
                waiting.Add(Task.FromResult(response));
        }

        Assert.NotNull(refused);
        Assert.Equal(TimeSpan.FromSeconds(1), refused.Headers.RetryAfter?.Delta);
        RequestValidationTests.AssertError(JsonElement.Parse(await refused.Content.ReadAsStringAsync()), 503, 503, null, "queue_full");
        server.Executor.Release();
        foreach (var response in waiting)
            Assert.Equal("[DONE]", (await ServerSentEvents.ReadAllAsync(await response))[^1]);
        refused.Dispose();
        waiting.ForEach(static response => response.Dispose());
    }

    [Fact]
    public async Task Post_EngineFails_500ThenUnhealthy()
    {
        await using var server = await RunningServer.StartAsync();
        var (status, body) = await server.CallAsync("/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"break\"}]}");
        RequestValidationTests.AssertError(body, status, 500, null, "internal_error");
        Assert.DoesNotContain("told to break", body.GetRawText(), StringComparison.Ordinal);

        using var health = await server.Client.GetAsync(new Uri("/health", UriKind.Relative));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, health.StatusCode);
        var (later, _) = await server.CallAsync("/v1/completions", "{\"prompt\":\"a\"}");
        Assert.Equal(503, later);
    }

    [Fact]
    public async Task Stream_EngineFails_EndsWithErrorEvent()
    {
        await using var server = await RunningServer.StartAsync();
        server.Executor.Hold();
        using var stream = await server.BeginStreamAsync("/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"forever\"}],\"stream\":true}");
        using var breaking = await server.BeginStreamAsync("/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"break\"}],\"stream\":true}");
        server.Executor.Release();
        var events = await ServerSentEvents.ReadAllAsync(stream);
        Assert.Equal("internal_error", JsonElement.Parse(events[^1]).GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task Socket_HeadersWithoutBody_ServerGoesOn()
    {
        await using var server = await RunningServer.StartAsync();
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(server.Address.Host, server.Address.Port);
            await socket.GetStream().WriteAsync("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"pro"u8.ToArray());
        }

        var (status, _) = await server.CallAsync("/v1/completions", "{\"prompt\":\"x\"}");
        Assert.Equal(200, status);
    }

    [Fact]
    public async Task Socket_HeadersNeverEnd_408()
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { HeaderTimeoutSeconds = 1 });
        using var socket = new TcpClient();
        await socket.ConnectAsync(server.Address.Host, server.Address.Port);
        await socket.GetStream().WriteAsync("GET /health HTTP/1.1\r\nHost: x\r\n"u8.ToArray());
        using var reader = new StreamReader(socket.GetStream(), Encoding.ASCII);
        Assert.StartsWith("HTTP/1.1 408", await reader.ReadLineAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Socket_NotHttp_400()
    {
        await using var server = await RunningServer.StartAsync();
        using var socket = new TcpClient();
        await socket.ConnectAsync(server.Address.Host, server.Address.Port);
        await socket.GetStream().WriteAsync("\0\u0001nonsense\r\n\r\n"u8.ToArray());
        using var reader = new StreamReader(socket.GetStream(), Encoding.ASCII);
        Assert.StartsWith("HTTP/1.1 400", await reader.ReadLineAsync(), StringComparison.Ordinal);
    }
}
