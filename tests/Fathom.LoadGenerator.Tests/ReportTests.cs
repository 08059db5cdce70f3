using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fathom.LoadGenerator.Tests;

public sealed class ReportTests
{
    [Fact]
    public void LatencySummary_OfOneToHundred_InterpolatesBetweenNeighbours()
    {
        // Ranks 49.5, 89.1 and 98.01 of 0..99 in 1..100.
        var summary = LatencySummary.Of(Enumerable.Range(1, 100).Select(i => (double)i).Reverse())!;
        Assert.Equal(50.5, summary.Mean, 9);
        Assert.Equal(50.5, summary.P50, 9);
        Assert.Equal(90.1, summary.P90, 9);
        Assert.Equal(99.01, summary.P99, 9);
        Assert.Equal(new LatencySummary(3, 3, 3, 3), LatencySummary.Of([3]));
        Assert.Null(LatencySummary.Of([]));
    }

    [Fact]
    public void Serialize_Report_IsOneFlatObjectWithUnits()
    {
        var report = new LoadReport
        {
            Machine = "m",
            Commit = "c",
            Url = "http://x/",
            Model = "fake",
            PromptForm = "token_ids",
            IgnoreEos = true,
            Seed = ulong.MaxValue,
            RatePerSecond = 2.5,
            ConcurrencyPeak = 3,
            Requests = 10,
            Completed = 8,
            Errors = new Dictionary<string, int> { ["http_503"] = 2 },
            ErrorSamples = new Dictionary<string, string> { ["http_503"] = "busy" },
            DurationSeconds = 4,
            PromptTokens = 80,
            OutputTokens = 16,
            TimeToFirstToken = new LatencySummary(1, 2, 3, 4),
        };
        var json = JsonNode.Parse(JsonSerializer.Serialize(report))!.AsObject();
        string[] metrics = ["ttft_{0}_ms", "inter_token_{0}_ms", "per_output_token_{0}_ms", "e2e_{0}_ms", "normalized_latency_{0}_ms_per_token"];
        string[] expected =
        [
            "machine", "commit", "url", "model", "prompt_form", "ignore_eos", "seed", "rate_requests_per_s", "concurrency_peak",
            "requests", "completed", "failed", "errors", "error_samples", "duration_s", "prompt_tokens", "output_tokens",
            "requests_per_s", "output_tokens_per_s",
            .. metrics.SelectMany(metric => new[] { "mean", "p50", "p90", "p99" }.Select(
                statistic => metric.Replace("{0}", statistic, StringComparison.Ordinal))),
        ];
        Assert.Equal(expected, json.Select(property => property.Key));
        Assert.Equal(4, (double)json["ttft_p99_ms"]!);
        Assert.Null(json["e2e_p50_ms"]);
        Assert.Equal((2.0, 4.0, 2), ((double)json["requests_per_s"]!, (double)json["output_tokens_per_s"]!, (int)json["failed"]!));
        Assert.Equal(2, (int)json["errors"]!["http_503"]!);
    }
}
