using System.Diagnostics;
using Fathom.Server.Metrics;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Fathom.Server.Telemetry;

/// <summary>Sends metrics and traces to an OpenTelemetry collector while it lives. Disposing it flushes.</summary>
internal sealed class OtlpExport : IDisposable
{
    private const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private readonly MeterProvider _meters;
    private readonly TracerProvider _traces;

    private OtlpExport(Uri? endpoint)
    {
        // Without an endpoint here the exporter reads the OTEL_* variables itself, protocol and headers included.
        void Configure(OtlpExporterOptions options)
        {
            if (endpoint is not null)
                options.Endpoint = endpoint;
        }

        var resource = ResourceBuilder.CreateDefault().AddService("fathom", serviceVersion: ServerVersion.Text);
        _meters = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter(ServerMetrics.MeterName, Serving.Metrics.ServingMetrics.MeterName)
            .AddOtlpExporter(Configure)
            .Build();
        _traces = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(GenAiTrace.SourceName, "Microsoft.AspNetCore")
            .AddOtlpExporter(Configure)
            .Build();
    }

    /// <summary>Starts exporting when an endpoint is configured by option or environment; otherwise gives null.</summary>
    public static OtlpExport? Start(string? endpoint)
    {
        if (endpoint is not null)
            return new OtlpExport(new Uri(endpoint));
        return string.IsNullOrEmpty(Environment.GetEnvironmentVariable(EndpointVariable)) ? null : new OtlpExport(null);
    }

    public void Dispose()
    {
        _traces.Dispose();
        _meters.Dispose();
    }
}

/// <summary>One span a generation, with OpenTelemetry's <c>gen_ai</c> attributes; never prompts or outputs.</summary>
internal static class GenAiTrace
{
    public const string SourceName = "Fathom.Server";

    private static readonly ActivitySource s_source = new(SourceName, ServerVersion.Text);

    /// <summary>Begins a span; null when nobody listens.</summary>
    public static Activity? Start(string operation, string model)
    {
        var activity = s_source.StartActivity($"{operation} {model}", ActivityKind.Server);
        activity?.SetTag("gen_ai.operation.name", operation);
        activity?.SetTag("gen_ai.provider.name", "fathom");
        activity?.SetTag("gen_ai.request.model", model);
        return activity;
    }
}
