using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Fathom.Server.Metrics;

/// <summary>The instruments of the HTTP side: requests by endpoint and status, and OpenTelemetry's token usage. The engines have their own.</summary>
/// <remarks>Any thread may record. Tags hold route names, served model names and status codes only, so they are bounded.</remarks>
internal sealed class ServerMetrics
{
    public const string MeterName = "Fathom.Server";

    private static readonly InstrumentAdvice<double> s_durationBounds = new()
    {
        HistogramBucketBoundaries = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
    };

    private static readonly InstrumentAdvice<long> s_tokenBounds = new()
    {
        HistogramBucketBoundaries = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576],
    };

    private readonly Counter<long> _httpRequests;
    private readonly Histogram<double> _httpDuration;
    private readonly Histogram<long> _tokenUsage;

    public ServerMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _httpRequests = meter.CreateCounter<long>("fathom:http_requests", "{request}", "HTTP requests by endpoint and status.");
        _httpDuration = meter.CreateHistogram("fathom:http_request_duration_seconds", "s", "Time from request to the end of the response.", null, s_durationBounds);
        _tokenUsage = meter.CreateHistogram("gen_ai.client.token.usage", "{token}", "Tokens of a request, input and output.", null, s_tokenBounds);
    }

    public void HttpRequest(string endpoint, int status, double seconds)
    {
        var tags = new TagList { { "endpoint", endpoint }, { "status", status } };
        _httpRequests.Add(1, tags);
        _httpDuration.Record(seconds, tags);
    }

    /// <param name="operation">OpenTelemetry's gen_ai operation: <c>chat</c> or <c>text_completion</c>.</param>
    /// <param name="model">Name of the served model.</param>
    /// <param name="promptTokens">Tokens of all prompts of the request.</param>
    /// <param name="completionTokens">Tokens generated for them.</param>
    public void Usage(string operation, string model, int promptTokens, int completionTokens)
    {
        var input = GenAiTags(operation, model);
        input.Add("gen_ai.token.type", "input");
        _tokenUsage.Record(promptTokens, input);
        var output = GenAiTags(operation, model);
        output.Add("gen_ai.token.type", "output");
        _tokenUsage.Record(completionTokens, output);
    }

    private static TagList GenAiTags(string operation, string model) => new()
    {
        { "gen_ai.operation.name", operation },
        { "gen_ai.provider.name", "fathom" },
        { "gen_ai.request.model", model },
    };
}
