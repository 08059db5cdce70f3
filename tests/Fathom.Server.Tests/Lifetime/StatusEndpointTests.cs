using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Fathom.Server.Tests.Fakes;

namespace Fathom.Server.Tests.Lifetime;

public sealed partial class StatusEndpointTests(EchoServerFixture fixture) : IClassFixture<EchoServerFixture>
{
    // A sample of the text format: name, labels, value.
    [GeneratedRegex("""^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\.)*",?)*\})? (\S+)$""")]
    private static partial Regex Sample { get; }

    [Theory]
    [InlineData("/health", "status", "ok")]
    [InlineData("/ready", "status", "ready")]
    public async Task Status_WhileRunning_IsGood(string path, string name, string value)
    {
        var body = JsonElement.Parse(await fixture.Server.Client.GetStringAsync(new Uri(path, UriKind.Relative)));
        Assert.Equal(value, body.GetProperty(name).GetString());
    }

    [Fact]
    public async Task Version_IsTheAssemblys()
    {
        var body = JsonElement.Parse(await fixture.Server.Client.GetStringAsync(new Uri("/version", UriKind.Relative)));
        Assert.Matches(@"^\d+\.\d+\.\d+", body.GetProperty("version").GetString());
    }

    [Fact]
    public async Task Metrics_AfterRequests_CountThem()
    {
        using var model = await fixture.Server.PostAsync("/v1/completions", "{\"prompt\":\"abc\",\"max_tokens\":5}");
        await model.Content.ReadAsStringAsync();
        using var missing = await fixture.Server.Client.GetAsync(new Uri("/made-up-path", UriKind.Relative));

        using var response = await fixture.Server.Client.GetAsync(new Uri("/metrics", UriKind.Relative));
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        var text = await response.Content.ReadAsStringAsync();
        var samples = new Dictionary<string, double>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(static line => line[0] != '#'))
        {
            Assert.Matches(Sample, line);
            var space = line.LastIndexOf(' ');
            samples.Add(line[..space], line[(space + 1)..] == "+Inf" ? double.PositiveInfinity : double.Parse(line[(space + 1)..], CultureInfo.InvariantCulture));
        }

        Assert.True(samples["fathom:prompt_tokens_total{model_name=\"echo\"}"] >= 4);
        Assert.True(samples["fathom:generation_tokens_total{model_name=\"echo\"}"] >= 5);
        Assert.Equal(0, samples["fathom:num_requests_waiting{model_name=\"echo\"}"]);
        Assert.True(samples["fathom:http_requests_total{endpoint=\"/v1/completions\",status=\"200\"}"] >= 1);
        Assert.True(samples["fathom:http_requests_total{endpoint=\"(unknown)\",status=\"404\"}"] >= 1);
        Assert.Contains("# TYPE fathom:time_to_first_token_seconds histogram", text, StringComparison.Ordinal);
        Assert.Contains("# TYPE fathom:e2e_request_latency_seconds histogram", text, StringComparison.Ordinal);
        Assert.Contains("gen_ai_server_time_to_first_token_seconds_bucket{gen_ai_response_model=\"echo\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("made-up-path", text, StringComparison.Ordinal);
    }
}
