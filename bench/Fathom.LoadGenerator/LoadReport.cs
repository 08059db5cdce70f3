using System.Text.Json.Serialization;

namespace Fathom.LoadGenerator;

/// <summary>What a load measured. Serialises to one flat object of snake_case keys with units, such as <c>ttft_p50_ms</c>.</summary>
/// <remarks>Latencies are of completed requests only and count from the arrival: in an open loop the time it was due, so
/// that a generator or server that falls behind shows. A summary is null when nothing completed.</remarks>
[JsonConverter(typeof(LoadReportConverter))]
public sealed record LoadReport
{
    /// <summary>The machine it ran on, when the caller says.</summary>
    public string? Machine { get; init; }

    /// <summary>The commit it was built from, when the caller says.</summary>
    public string? Commit { get; init; }

    /// <summary>The address that was loaded.</summary>
    public required string Url { get; init; }

    /// <summary>The model's name in the requests.</summary>
    public string? Model { get; init; }

    /// <summary><c>token_ids</c> or <c>text</c>.</summary>
    public required string PromptForm { get; init; }

    /// <summary>Whether the server took <c>ignore_eos</c>; if not, answers may be shorter than planned.</summary>
    public required bool IgnoreEos { get; init; }

    /// <summary>The options' seed.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Planned mean rate of an open loop, requests per second.</summary>
    public double? RatePerSecond { get; init; }

    /// <summary>Requests in flight of a closed loop.</summary>
    public int? Concurrency { get; init; }

    /// <summary>Most requests that were in flight at once.</summary>
    public required int ConcurrencyPeak { get; init; }

    /// <summary>Requests sent.</summary>
    public required int Requests { get; init; }

    /// <summary>Requests that completed.</summary>
    public required int Completed { get; init; }

    /// <summary>Failed requests by kind (<see cref="FailureKind"/>).</summary>
    public required IReadOnlyDictionary<string, int> Errors { get; init; }

    /// <summary>The first failure's message of each kind.</summary>
    public required IReadOnlyDictionary<string, string> ErrorSamples { get; init; }

    /// <summary>From the first arrival to the end of the last request, seconds.</summary>
    public required double DurationSeconds { get; init; }

    /// <summary>Prompt tokens of completed requests.</summary>
    public required long PromptTokens { get; init; }

    /// <summary>Generated tokens of completed requests.</summary>
    public required long OutputTokens { get; init; }

    /// <summary>Completed requests per second of the duration.</summary>
    public double RequestsPerSecond => DurationSeconds > 0 ? Completed / DurationSeconds : 0;

    /// <summary>Generated tokens per second of the duration.</summary>
    public double OutputTokensPerSecond => DurationSeconds > 0 ? OutputTokens / DurationSeconds : 0;

    /// <summary>Time to first token, ms.</summary>
    public LatencySummary? TimeToFirstToken { get; init; }

    /// <summary>Gaps between chunks with text, of all requests together, ms. One chunk may hold several tokens.</summary>
    public LatencySummary? InterToken { get; init; }

    /// <summary>(end to end − time to first token) / (tokens − 1) of requests with at least two tokens, ms.</summary>
    public LatencySummary? PerOutputToken { get; init; }

    /// <summary>Arrival to the end of the stream, ms.</summary>
    public LatencySummary? EndToEnd { get; init; }

    /// <summary>End to end / generated tokens, ms per token: the metric of the Orca paper.</summary>
    public LatencySummary? NormalizedLatency { get; init; }
}
