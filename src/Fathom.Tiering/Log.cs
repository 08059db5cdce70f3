using Microsoft.Extensions.Logging;

namespace Fathom.Tiering;

/// <summary>The tiering's log messages, ids 7000 to 7099. Never tokens, nor names of blocks.</summary>
internal static partial class Log
{
    [LoggerMessage(7000, LogLevel.Warning, "KV tier {Tier} does not answer ({Operation}); it is only probed until it does, and blocks are computed instead")]
    public static partial void TierPauses(this ILogger logger, string tier, string operation);

    [LoggerMessage(7001, LogLevel.Information, "KV tier {Tier} answers again")]
    public static partial void TierIsBack(this ILogger logger, string tier);

    [LoggerMessage(7002, LogLevel.Error, "A load from the KV tiers failed; its blocks are computed instead")]
    public static partial void LoadFailed(this ILogger logger, Exception exception);

    [LoggerMessage(7003, LogLevel.Error, "Writing to KV tier {Tier} failed; its blocks are not stored")]
    public static partial void StoreFailed(this ILogger logger, Exception exception, string tier);
}
