using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Fathom.Server.Http;
using Fathom.Server.Tests.Fakes;
using Microsoft.Extensions.Logging;

namespace Fathom.Server.Tests.Http;

public sealed class ApiKeyTests : IDisposable
{
    private readonly string _file = Path.Combine(Directory.CreateTempSubdirectory("fathom-keys-").FullName, "keys");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_file)!, recursive: true);

    private string Write(string content)
    {
        File.WriteAllText(_file, content);
        return _file;
    }

    [Theory]
    [InlineData(null, 401, "missing_api_key")]
    [InlineData("Bearer wrong", 401, "invalid_api_key")]
    [InlineData("Bearer", 401, "invalid_api_key")]
    [InlineData("Basic key-one", 401, "invalid_api_key")]
    [InlineData("Bearer key-on", 401, "invalid_api_key")]
    [InlineData("Bearer key-one", 200, null)]
    [InlineData("bearer key-two", 200, null)]
    public async Task Request_WithKeyFile_NeedsAKey(string? authorization, int status, string? code)
    {
        var log = new GatheringLog();
        using var loggers = LoggerFactory.Create(builder => builder.SetMinimumLevel(LogLevel.Trace).AddProvider(log));
        await using var server = await RunningServer.StartAsync(new ServerOptions { ApiKeyFile = Write("# two keys\nkey-one\n\n  key-two  \n") }, loggers: loggers);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        if (authorization is not null)
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        using var response = await server.Client.SendAsync(request);
        Assert.Equal(status, (int)response.StatusCode);
        if (code is not null)
        {
            Assert.Equal("Bearer", Assert.Single(response.Headers.WwwAuthenticate).Scheme);
            Assert.Equal(code, JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("error").GetProperty("code").GetString());
        }

        Assert.DoesNotContain("key-one", log.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("key-two", log.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/health")]
    [InlineData("/ready")]
    [InlineData("/version")]
    [InlineData("/metrics")]
    [InlineData("/")]
    public async Task Request_StatusAndPage_NeedNoKey(string path)
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { ApiKeyFile = Write("k\n") });
        using var response = await server.Client.GetAsync(new Uri(path, UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData("/v1/chat/completions")]
    [InlineData("/v1/completions")]
    [InlineData("/tokenize")]
    [InlineData("/detokenize")]
    public async Task Post_WithoutKey_RefusedBeforeTheBodyIsRead(string path)
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { ApiKeyFile = Write("k\n") });
        var (status, _) = await server.CallAsync(path, "not json");
        Assert.Equal(401, status);
        server.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "k");
        (status, _) = await server.CallAsync(path, "not json");
        Assert.Equal(400, status);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n\n")]
    [InlineData("two words\n")]
    [InlineData("clé\n")]
    public void Load_FileWithoutUsableKeys_RefusedWithoutQuotingIt(string content)
    {
        var e = Assert.Throws<ServerOptionsException>(() => ApiKeys.Load(Write(content)));
        Assert.Equal("api-key-file", e.Option);
        Assert.DoesNotContain("two words", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_MissingFile_Refused() =>
        Assert.Equal("api-key-file", Assert.Throws<ServerOptionsException>(() => ApiKeys.Load(_file + ".missing")).Option);
}
