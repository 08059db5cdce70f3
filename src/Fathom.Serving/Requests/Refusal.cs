namespace Fathom.Serving.Requests;

/// <summary>Why a request was not accepted.</summary>
public enum RefusalReason
{
    /// <summary>A parameter is out of range: the client's error.</summary>
    InvalidParameter,

    /// <summary>The prompt, or the prompt and the tokens asked for, exceed the context: the client's error.</summary>
    ContextExceeded,

    /// <summary>The request could never fit the KV memory, even alone: the client's error.</summary>
    MemoryExceeded,

    /// <summary>The queue is full: try again later.</summary>
    QueueFull,

    /// <summary>The engine is finishing what it has and takes no more: try elsewhere.</summary>
    Draining,

    /// <summary>The engine has failed or was disposed.</summary>
    Stopped,
}

/// <summary>A request that was not accepted, and why.</summary>
/// <param name="Reason">The kind of refusal.</param>
/// <param name="Parameter">The property of the request at fault, snake_case as in the HTTP API; null if none is.</param>
/// <param name="Message">One line that names the value and what is allowed.</param>
public sealed record Refusal(RefusalReason Reason, string? Parameter, string Message);
