using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fathom.LoadGenerator;

/// <summary>Writes a <see cref="LoadReport"/> as one flat object, whatever naming policy the caller's options have.</summary>
internal sealed class LoadReportConverter : JsonConverter<LoadReport>
{
    public override LoadReport Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("reports are written, not read");

    public override void Write(Utf8JsonWriter writer, LoadReport value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        if (value.Machine is not null)
            writer.WriteString("machine", value.Machine);
        if (value.Commit is not null)
            writer.WriteString("commit", value.Commit);
        writer.WriteString("url", value.Url);
        writer.WriteString("model", value.Model);
        writer.WriteString("prompt_form", value.PromptForm);
        writer.WriteBoolean("ignore_eos", value.IgnoreEos);
        writer.WriteNumber("seed", value.Seed);
        if (value.RatePerSecond is { } rate)
            writer.WriteNumber("rate_requests_per_s", rate);
        if (value.Concurrency is { } concurrency)
            writer.WriteNumber("concurrency", concurrency);
        writer.WriteNumber("concurrency_peak", value.ConcurrencyPeak);
        writer.WriteNumber("requests", value.Requests);
        writer.WriteNumber("completed", value.Completed);
        writer.WriteNumber("failed", value.Requests - value.Completed);
        writer.WriteStartObject("errors");
        foreach (var (kind, count) in value.Errors)
            writer.WriteNumber(kind, count);
        writer.WriteEndObject();
        writer.WriteStartObject("error_samples");
        foreach (var (kind, message) in value.ErrorSamples)
            writer.WriteString(kind, message);
        writer.WriteEndObject();
        writer.WriteNumber("duration_s", value.DurationSeconds);
        writer.WriteNumber("prompt_tokens", value.PromptTokens);
        writer.WriteNumber("output_tokens", value.OutputTokens);
        writer.WriteNumber("requests_per_s", value.RequestsPerSecond);
        writer.WriteNumber("output_tokens_per_s", value.OutputTokensPerSecond);
        WriteSummary(writer, "ttft", "ms", value.TimeToFirstToken);
        WriteSummary(writer, "inter_token", "ms", value.InterToken);
        WriteSummary(writer, "per_output_token", "ms", value.PerOutputToken);
        WriteSummary(writer, "e2e", "ms", value.EndToEnd);
        WriteSummary(writer, "normalized_latency", "ms_per_token", value.NormalizedLatency);
        writer.WriteEndObject();
    }

    private static void WriteSummary(Utf8JsonWriter writer, string name, string unit, LatencySummary? summary)
    {
        Write("mean", summary?.Mean);
        Write("p50", summary?.P50);
        Write("p90", summary?.P90);
        Write("p99", summary?.P99);

        void Write(string statistic, double? value)
        {
            writer.WritePropertyName($"{name}_{statistic}_{unit}");
            if (value is { } number)
                writer.WriteNumberValue(number);
            else
                writer.WriteNullValue();
        }
    }
}
