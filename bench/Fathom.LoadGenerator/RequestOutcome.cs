namespace Fathom.LoadGenerator;

/// <summary>Why a request failed; the report counts them under these names in snake_case.</summary>
public static class FailureKind
{
    /// <summary>No answer within the time allowed.</summary>
    public const string Timeout = "timeout";

    /// <summary>The connection could not be made, or broke before or while the answer came.</summary>
    public const string Connection = "connection";

    /// <summary>The stream ended without saying that it was done, or held what is no event.</summary>
    public const string Protocol = "protocol";

    /// <summary>The stream carried an error event.</summary>
    public const string ServerError = "server_error";

    /// <summary>The server answered with this HTTP status: <c>http_503</c>.</summary>
    /// <param name="status">The status code.</param>
    public static string Http(int status) => $"http_{status}";
}

/// <summary>What became of one request. Times are milliseconds.</summary>
internal sealed record RequestOutcome
{
    /// <summary>Null when it completed.</summary>
    public string? Failure { get; init; }

    /// <summary>One line about the failure.</summary>
    public string? FailureMessage { get; init; }

    public int PromptTokens { get; init; }

    public int OutputTokens { get; init; }

    /// <summary>From arrival to the first token.</summary>
    public double FirstTokenMs { get; init; }

    /// <summary>From arrival to the end of the stream.</summary>
    public double EndToEndMs { get; init; }

    /// <summary>Between one chunk with text and the next.</summary>
    public IReadOnlyList<double> GapsMs { get; init; } = [];

    public static RequestOutcome Failed(string kind, string message) => new() { Failure = kind, FailureMessage = message };
}
