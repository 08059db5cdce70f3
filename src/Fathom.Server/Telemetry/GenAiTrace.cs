using System.Diagnostics;

namespace Fathom.Server.Telemetry;

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

    /// <summary>Marks the span as failed with a short word; nothing when there is no span.</summary>
    public static void Fail(Activity? span, string? errorType)
    {
        span?.SetTag("error.type", errorType ?? "error");
        span?.SetStatus(ActivityStatusCode.Error);
    }
}
