using Microsoft.Extensions.Logging;

namespace Fathom.Server;

/// <summary>Log events 3000 to 3999. Never prompts, outputs or keys.</summary>
internal static partial class Log
{
    [LoggerMessage(3000, LogLevel.Information, "Serving {Models} on {Address}")]
    public static partial void Serving(ILogger logger, string models, string address);

    [LoggerMessage(3004, LogLevel.Warning, "Listening on {Address} without API keys: everybody who reaches it may use the models")]
    public static partial void OpenToOthers(ILogger logger, string address);

    [LoggerMessage(3001, LogLevel.Information, "Draining: running requests have {Seconds} s to finish")]
    public static partial void DrainBegan(ILogger logger, int seconds);

    [LoggerMessage(3002, LogLevel.Information, "Drained in {Milliseconds} ms")]
    public static partial void DrainEnded(ILogger logger, long milliseconds);

    [LoggerMessage(3003, LogLevel.Warning, "Drain time is over: what still ran was cancelled")]
    public static partial void DrainTimedOut(ILogger logger);

    [LoggerMessage(3010, LogLevel.Error, "{Method} {Route} failed")]
    public static partial void RequestFailed(ILogger logger, Exception exception, string method, string route);

    [LoggerMessage(3020, LogLevel.Information, "Metrics and traces go to an OTLP collector")]
    public static partial void OtlpStarted(ILogger logger);
}
