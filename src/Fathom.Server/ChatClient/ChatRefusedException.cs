namespace Fathom.Server.ChatClient;

/// <summary>A chat that the in-process client could not start or finish.</summary>
public sealed class ChatRefusedException : ServerException
{
    internal ChatRefusedException(string message, string? parameter, string? code, Exception? cause = null)
        : base(message, cause)
    {
        Parameter = parameter;
        Code = code;
    }

    /// <summary>Name of the option or part at fault, as in the HTTP API; null when none is.</summary>
    public string? Parameter { get; }

    /// <summary>Stable word for programs, as in the HTTP API: <c>context_length_exceeded</c>, <c>queue_full</c>, <c>unsupported_parameter</c> …</summary>
    public string? Code { get; }
}
