using System.Diagnostics.Metrics;
using Fathom.Serving.Engine;
using Fathom.Serving.Requests;

namespace Fathom.Serving.Metrics;

/// <summary>The instruments of one engine, named as vLLM's with the prefix <c>fathom:</c>; counters without the exposition's <c>_total</c>.</summary>
/// <remarks>
/// Every measurement carries the tag <c>model_name</c>, and the OpenTelemetry histograms <c>gen_ai.server.*</c> carry
/// <c>gen_ai.response.model</c>. Times are in seconds. The engine's loop thread records.
/// </remarks>
public sealed class ServingMetrics
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Fathom.Serving";

    private readonly Meter _meter;
    private readonly KeyValuePair<string, object?> _model;
    private readonly KeyValuePair<string, object?> _genAiModel;
    private readonly Counter<long> _preemptions;
    private readonly Counter<long> _prefixQueries;
    private readonly Counter<long> _prefixHits;
    private readonly Counter<long> _promptTokens;
    private readonly Counter<long> _cachedTokens;
    private readonly Counter<long> _generationTokens;
    private readonly Counter<long> _success;
    private readonly Histogram<long> _iterationTokens;
    private readonly Histogram<double> _timeToFirstToken;
    private readonly Histogram<double> _interToken;
    private readonly Histogram<double> _perOutputToken;
    private readonly Histogram<double> _endToEnd;
    private readonly Histogram<double> _queue;
    private readonly Histogram<double> _inference;
    private readonly Histogram<double> _prefill;
    private readonly Histogram<double> _decode;
    private readonly Histogram<long> _requestPromptTokens;
    private readonly Histogram<long> _requestGenerationTokens;
    private readonly Histogram<long> _requestChoices;
    private readonly Histogram<long> _requestMaxTokens;
    private readonly Histogram<double> _genAiTimeToFirstToken;
    private readonly Histogram<double> _genAiPerOutputToken;
    private readonly Histogram<double> _genAiDuration;

    /// <summary>Makes the instruments.</summary>
    /// <param name="meters">Where the meter comes from, and who disposes it.</param>
    /// <param name="modelName">Value of the tag <c>model_name</c>.</param>
    public ServingMetrics(IMeterFactory meters, string modelName)
    {
        ArgumentNullException.ThrowIfNull(meters);
        ArgumentNullException.ThrowIfNull(modelName);
        _meter = meters.Create(MeterName);
        _model = new KeyValuePair<string, object?>("model_name", modelName);
        _genAiModel = new KeyValuePair<string, object?>("gen_ai.response.model", modelName);

        _preemptions = _meter.CreateCounter<long>("fathom:num_preemptions", "{sequence}", "Sequences whose KV blocks were taken away, to be loaded from the tiers or computed again.");
        _prefixQueries = _meter.CreateCounter<long>("fathom:prefix_cache_queries", "{token}", "Prompt tokens looked up in the prefix cache.");
        _prefixHits = _meter.CreateCounter<long>("fathom:prefix_cache_hits", "{token}", "Prompt tokens found in the prefix cache.");
        _promptTokens = _meter.CreateCounter<long>("fathom:prompt_tokens", "{token}", "Prompt tokens of started requests.");
        _cachedTokens = _meter.CreateCounter<long>("fathom:prompt_tokens_cached", "{token}", "Prompt tokens that were not computed because the prefix cache had them.");
        _generationTokens = _meter.CreateCounter<long>("fathom:generation_tokens", "{token}", "Tokens generated.");
        _success = _meter.CreateCounter<long>("fathom:request_success", "{request}", "Requests that ended, by finished_reason.");
        _iterationTokens = Tokens("fathom:iteration_tokens_total", "Tokens computed in an iteration.");
        _timeToFirstToken = Seconds("fathom:time_to_first_token_seconds", "From arrival to the first token.", Buckets.FirstToken);
        _interToken = Seconds("fathom:inter_token_latency_seconds", "Between two tokens of a choice.", Buckets.PerToken);
        _perOutputToken = Seconds("fathom:request_time_per_output_token_seconds", "Mean time between the tokens of a request.", Buckets.PerToken);
        _endToEnd = Seconds("fathom:e2e_request_latency_seconds", "From arrival to the end.", Buckets.Request);
        _queue = Seconds("fathom:request_queue_time_seconds", "From arrival to the first iteration.", Buckets.Request);
        _inference = Seconds("fathom:request_inference_time_seconds", "From the first iteration to the end.", Buckets.Request);
        _prefill = Seconds("fathom:request_prefill_time_seconds", "From the first iteration to the first token.", Buckets.Request);
        _decode = Seconds("fathom:request_decode_time_seconds", "From the first token to the end.", Buckets.Request);
        _requestPromptTokens = Tokens("fathom:request_prompt_tokens", "Prompt tokens of a request.");
        _requestGenerationTokens = Tokens("fathom:request_generation_tokens", "Tokens generated for a request.");
        _requestChoices = Histogram("fathom:request_params_n", "{choice}", "Choices that a request asks for.", Buckets.Choices);
        _requestMaxTokens = Tokens("fathom:request_params_max_tokens", "Most tokens that a request may generate for a choice.");
        _genAiTimeToFirstToken = Seconds("gen_ai.server.time_to_first_token", "Time to generate the first token.", Buckets.GenAiFirstToken);
        _genAiPerOutputToken = Seconds("gen_ai.server.time_per_output_token", "Time per output token after the first.", Buckets.GenAiPerToken);
        _genAiDuration = Seconds("gen_ai.server.request.duration", "Time from arrival to the last token.", Buckets.GenAiDuration);
    }

    /// <summary>Adds the gauges, read from the engine whenever somebody collects.</summary>
    internal void Observe(Func<EngineSnapshot> snapshot)
    {
        _meter.CreateObservableGauge("fathom:num_requests_running", () => new Measurement<int>(snapshot().RunningSequences, _model), "{sequence}", "Sequences that hold KV blocks.");
        _meter.CreateObservableGauge("fathom:num_requests_waiting", () => new Measurement<int>(snapshot().WaitingRequests, _model), "{request}", "Requests that wait to start.");
        _meter.CreateObservableGauge("fathom:kv_cache_usage_perc", () => new Measurement<double>(snapshot().KvUsage, _model), "1", "Share of the KV blocks in use; 1 is all.");
    }

    internal void RecordIteration(int tokens) => _iterationTokens.Record(tokens, _model);

    internal void RecordPreemptions(long sequences) => _preemptions.Add(sequences, _model);

    internal void RecordPrefix(long queriedTokens, long hitTokens)
    {
        _prefixQueries.Add(queriedTokens, _model);
        _prefixHits.Add(hitTokens, _model);
    }

    internal void RecordStart(int promptTokens, int cachedTokens, int choices, int maxNewTokens, double queuedSeconds)
    {
        _promptTokens.Add(promptTokens, _model);
        _cachedTokens.Add(cachedTokens, _model);
        _requestChoices.Record(choices, _model);
        _requestMaxTokens.Record(maxNewTokens, _model);
        _queue.Record(queuedSeconds, _model);
    }

    internal void RecordTokens(int tokens) => _generationTokens.Add(tokens, _model);

    internal void RecordFirstToken(double sinceArrivalSeconds, double sinceStartSeconds)
    {
        _timeToFirstToken.Record(sinceArrivalSeconds, _model);
        _genAiTimeToFirstToken.Record(sinceArrivalSeconds, _genAiModel);
        _prefill.Record(sinceStartSeconds, _model);
    }

    internal void RecordInterToken(double seconds) => _interToken.Record(seconds, _model);

    internal void RecordEnd(FinishReason reason, TokenUsage usage, double sinceArrivalSeconds, double? sinceStartSeconds, double? sinceFirstTokenSeconds, int tokensAfterFirst)
    {
        _success.Add(1, _model, new KeyValuePair<string, object?>("finished_reason", Name(reason)));
        _endToEnd.Record(sinceArrivalSeconds, _model);
        _genAiDuration.Record(sinceArrivalSeconds, _genAiModel);
        _requestPromptTokens.Record(usage.PromptTokens, _model);
        _requestGenerationTokens.Record(usage.CompletionTokens, _model);
        if (sinceStartSeconds is { } inference)
            _inference.Record(inference, _model);
        if (sinceFirstTokenSeconds is not { } decode)
            return;
        _decode.Record(decode, _model);
        if (tokensAfterFirst > 0)
        {
            _perOutputToken.Record(decode / tokensAfterFirst, _model);
            _genAiPerOutputToken.Record(decode / tokensAfterFirst, _genAiModel);
        }
    }

    private static string Name(FinishReason reason) => reason switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        FinishReason.Cancelled => "abort",
        _ => "error",
    };

    private Histogram<double> Seconds(string name, string description, double[] boundaries) =>
        _meter.CreateHistogram(name, "s", description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = boundaries });

    private Histogram<long> Tokens(string name, string description) => Histogram(name, "{token}", description, Buckets.Tokens);

    private Histogram<long> Histogram(string name, string unit, string description, long[] boundaries) =>
        _meter.CreateHistogram(name, unit, description, tags: null, new InstrumentAdvice<long> { HistogramBucketBoundaries = boundaries });

    /// <summary>Upper bounds: vLLM's, and OpenTelemetry's for gen_ai.</summary>
    private static class Buckets
    {
        public static readonly double[] FirstToken = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640];
        public static readonly double[] PerToken = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
        public static readonly double[] Request = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680];
        public static readonly double[] GenAiFirstToken = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
        public static readonly double[] GenAiPerToken = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
        public static readonly double[] GenAiDuration = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
        public static readonly long[] Tokens = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000];
        public static readonly long[] Choices = [1, 2, 5, 10, 20];
    }
}
