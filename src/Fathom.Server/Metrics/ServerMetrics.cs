using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Fathom.Server.Metrics;

/// <summary>The instruments of the HTTP side: requests by endpoint and status, and OpenTelemetry's <c>gen_ai.server.*</c>.</summary>
/// <remarks>Any thread may record. Tags hold route names, served model names and status codes only, so they are bounded.</remarks>
internal sealed class ServerMetrics
{
    public const string MeterName = "Fathom.Server";

    private static readonly InstrumentAdvice<double> s_durationBounds = new()
    {
        HistogramBucketBoundaries = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
    };

    private static readonly InstrumentAdvice<double> s_firstTokenBounds = new()
    {
        HistogramBucketBoundaries = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80],
    };

    private static readonly InstrumentAdvice<double> s_perTokenBounds = new()
    {
        HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5],
    };

    private static readonly InstrumentAdvice<long> s_tokenBounds = new()
    {
        HistogramBucketBoundaries = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576],
    };

    private readonly Counter<long> _httpRequests;
    private readonly Histogram<double> _httpDuration;
    private readonly Histogram<double> _requestDuration;
    private readonly Histogram<double> _timeToFirstToken;
    private readonly Histogram<double> _timePerOutputToken;
    private readonly Histogram<long> _tokenUsage;

    public ServerMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _httpRequests = meter.CreateCounter<long>("fathom:http_requests", "{request}", "HTTP requests by endpoint and status.");
        _httpDuration = meter.CreateHistogram("fathom:http_request_duration_seconds", "s", "Time from request to the end of the response.", null, s_durationBounds);
        _requestDuration = meter.CreateHistogram("gen_ai.server.request.duration", "s", "Generation time of a request, by model and operation.", null, s_durationBounds);
        _timeToFirstToken = meter.CreateHistogram("gen_ai.server.time_to_first_token", "s", "Time from submission to the first output.", null, s_firstTokenBounds);
        _timePerOutputToken = meter.CreateHistogram("gen_ai.server.time_per_output_token", "s", "Mean time of an output token after the first.", null, s_perTokenBounds);
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
    /// <param name="errorType">Short word for a failed request; null for a good one.</param>
    /// <param name="seconds">From submission to the end.</param>
    public void RequestEnded(string operation, string model, string? errorType, double seconds)
    {
        var tags = GenAiTags(operation, model);
        if (errorType is not null)
            tags.Add("error.type", errorType);
        _requestDuration.Record(seconds, tags);
    }

    public void FirstToken(string operation, string model, double seconds) => _timeToFirstToken.Record(seconds, GenAiTags(operation, model));

    public void Usage(string operation, string model, int promptTokens, int completionTokens, double secondsAfterFirst)
    {
        var input = GenAiTags(operation, model);
        input.Add("gen_ai.token.type", "input");
        _tokenUsage.Record(promptTokens, input);
        var output = GenAiTags(operation, model);
        output.Add("gen_ai.token.type", "output");
        _tokenUsage.Record(completionTokens, output);
        if (completionTokens > 1)
            _timePerOutputToken.Record(secondsAfterFirst / (completionTokens - 1), GenAiTags(operation, model));
    }

    private static TagList GenAiTags(string operation, string model) => new()
    {
        { "gen_ai.operation.name", operation },
        { "gen_ai.provider.name", "fathom" },
        { "gen_ai.request.model", model },
    };
}
