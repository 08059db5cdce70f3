using Fathom.Serving.Scheduling;
using Microsoft.Extensions.Logging;

namespace Fathom.Serving.Engine;

/// <summary>The engine's log messages, ids 2000 to 2099. Nothing per token, never prompts or outputs.</summary>
internal static partial class Log
{
    [LoggerMessage(2000, LogLevel.Information, "Engine started: policy {Policy}, batch {MaxBatch}, token budget {TokenBudget}, context {ContextTokens} tokens, {Blocks} KV blocks")]
    public static partial void EngineStarted(this ILogger logger, SchedulingPolicy policy, int maxBatch, int tokenBudget, int contextTokens, int blocks);

    [LoggerMessage(2001, LogLevel.Information, "Engine drains: {Requests} requests to finish")]
    public static partial void EngineDrains(this ILogger logger, int requests);

    [LoggerMessage(2002, LogLevel.Information, "Engine stopped after {Iterations} iterations and {GeneratedTokens} generated tokens")]
    public static partial void EngineStopped(this ILogger logger, long iterations, long generatedTokens);

    [LoggerMessage(2003, LogLevel.Critical, "Engine failed and stopped; {Requests} requests end with an error")]
    public static partial void EngineFailed(this ILogger logger, Exception exception, int requests);

    [LoggerMessage(2004, LogLevel.Debug, "Request {RequestId} accepted: {PromptTokens} prompt tokens, {Choices} choices, at most {MaxNewTokens} new tokens")]
    public static partial void RequestAccepted(this ILogger logger, long requestId, int promptTokens, int choices, int maxNewTokens);

    [LoggerMessage(2005, LogLevel.Debug, "Request {RequestId} ended: {CompletionTokens} tokens in {Seconds} s, {Reason}")]
    public static partial void RequestEnded(this ILogger logger, long requestId, int completionTokens, double seconds, string reason);

    [LoggerMessage(2006, LogLevel.Warning, "Request {RequestId} ended with an error: the model's logits are not numbers, or every token is excluded")]
    public static partial void NoDistribution(this ILogger logger, long requestId);
}
