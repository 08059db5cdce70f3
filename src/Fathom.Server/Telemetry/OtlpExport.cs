using System.Diagnostics.Metrics;
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
    // Of a project that this one does not know.
    private const string TieringMeter = "Fathom.Tiering";

    private const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private readonly MeterProvider _meters;
    private readonly TracerProvider _traces;

    /// <param name="endpoint">The collector's URL; null for the environment's.</param>
    public OtlpExport(string? endpoint)
    {
        // Without an endpoint here the exporter reads the OTEL_* variables itself, protocol and headers included.
        void Configure(OtlpExporterOptions options)
        {
            if (endpoint is not null)
                options.Endpoint = new Uri(endpoint);
        }

        var resource = ResourceBuilder.CreateDefault().AddService("fathom", serviceVersion: ServerVersion.Text);
        _meters = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter(ServerMetrics.MeterName, Serving.Metrics.ServingMetrics.MeterName, TieringMeter)
            .AddView(WithoutColon)
            .AddOtlpExporter(Configure)
            .Build();
        _traces = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(GenAiTrace.SourceName, "Microsoft.AspNetCore")
            .AddOtlpExporter(Configure)
            .Build();
    }

    /// <summary>Whether an option or the environment names a collector.</summary>
    public static bool IsConfigured(string? endpoint) =>
        endpoint is not null || !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(EndpointVariable));

    /// <summary>OpenTelemetry drops instruments whose names hold a colon, so <c>fathom:x</c> travels as <c>fathom.x</c>.</summary>
    private static MetricStreamConfiguration? WithoutColon(Instrument instrument) =>
        instrument.Name.Contains(':', StringComparison.Ordinal)
            ? new MetricStreamConfiguration { Name = instrument.Name.Replace(':', '.') }
            : null;

    public void Dispose()
    {
        _traces.Dispose();
        _meters.Dispose();
    }
}
