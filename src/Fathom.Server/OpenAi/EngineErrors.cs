using Fathom.Server.Http;
using Fathom.Serving.Requests;

namespace Fathom.Server.OpenAi;

/// <summary>The engine's refusals and failures as API errors.</summary>
internal static class EngineErrors
{
    /// <summary>Time after which a client of a full queue may try again: a few iterations free places.</summary>
    public const int RetryWhenFullSeconds = 1;

    /// <summary>Time in which a server that goes away has usually been replaced.</summary>
    public const int RetryWhenDrainingSeconds = 10;

    public static ApiError Of(Refusal refusal) => refusal.Reason switch
    {
        RefusalReason.InvalidParameter => new ApiError(400, refusal.Message, ApiError.InvalidRequest, refusal.Parameter, "invalid_value"),
        RefusalReason.ContextExceeded => ApiError.ContextLengthExceeded(refusal.Parameter, refusal.Message),
        RefusalReason.MemoryExceeded => new ApiError(400, refusal.Message, ApiError.InvalidRequest, refusal.Parameter, "kv_memory_exceeded"),
        RefusalReason.QueueFull => ApiError.QueueFull(RetryWhenFullSeconds),
        RefusalReason.Draining => ApiError.Draining(RetryWhenDrainingSeconds),
        _ => Stopped(),
    };

    /// <summary>Null while all is well.</summary>
    public static ApiError? Of(GenerationUpdate update) => update.FinishReason switch
    {
        FinishReason.Error => ApiError.Internal(),
        // A client that went away does not read this; what remains is a server that stopped before the end.
        FinishReason.Cancelled => ApiError.Draining(RetryWhenDrainingSeconds),
        _ => null,
    };

    public static ApiError Stopped() =>
        new(503, "The model's engine has stopped.", ApiError.ServerError, null, "engine_stopped", RetryWhenDrainingSeconds);
}
