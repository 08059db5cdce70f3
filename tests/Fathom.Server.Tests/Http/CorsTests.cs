using System.Net;
using Fathom.Server.Tests.Fakes;

namespace Fathom.Server.Tests.Http;

public sealed class CorsTests
{
    [Theory]
    [InlineData("https://app.example", true)]
    [InlineData("https://evil.example", false)]
    public async Task Preflight_OnlyConfiguredOrigins_AreAllowed(string origin, bool allowed)
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { CorsOrigins = ["https://app.example/"] });
        using var request = new HttpRequestMessage(HttpMethod.Options, "/v1/chat/completions");
        request.Headers.Add("Origin", origin);
        request.Headers.Add("Access-Control-Request-Method", "POST");
        request.Headers.Add("Access-Control-Request-Headers", "authorization,content-type");
        using var response = await server.Client.SendAsync(request);
        Assert.Equal(allowed, response.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task Error_FromAllowedOrigin_IsReadableThere()
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { CorsOrigins = ["https://app.example"] });
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = RunningServer.JsonContent("{}") };
        request.Headers.Add("Origin", "https://app.example");
        using var response = await server.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("https://app.example", Assert.Single(response.Headers.GetValues("Access-Control-Allow-Origin")));
    }

    [Fact]
    public async Task Preflight_WithoutConfiguration_IsRefused()
    {
        await using var server = await RunningServer.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Options, "/v1/chat/completions");
        request.Headers.Add("Origin", "https://app.example");
        request.Headers.Add("Access-Control-Request-Method", "POST");
        using var response = await server.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.False(response.Headers.Contains("Access-Control-Allow-Origin"));
    }
}
