using System.Globalization;

namespace Fathom.Server.Http;

/// <summary>One error as OpenAI's API reports it: an HTTP status and the fields of the envelope.</summary>
/// <param name="Status">HTTP status, 4xx or 5xx.</param>
/// <param name="Message">One sentence for a person; names the parameter, its value and what is allowed.</param>
/// <param name="Type">OpenAI's error type.</param>
/// <param name="Param">Path of the parameter at fault, such as <c>messages[0].content</c>.</param>
/// <param name="Code">Stable word for programs.</param>
/// <param name="RetryAfterSeconds">Value of the Retry-After header, or null for none.</param>
internal sealed record ApiError(
    int Status, string Message, string Type, string? Param = null, string? Code = null, int? RetryAfterSeconds = null)
{
    public const string InvalidRequest = "invalid_request_error";
    public const string ServerError = "server_error";

    public static ApiError InvalidParameter(string param, string message, string code = "invalid_value") =>
        new(400, message, InvalidRequest, param, code);

    public static ApiError Unsupported(string param, string message) =>
        new(400, message, InvalidRequest, param, "unsupported_parameter");

    public static ApiError Missing(string param) =>
        new(400, $"Missing required parameter: '{param}'.", InvalidRequest, param, "missing_required_parameter");

    public static ApiError MalformedBody(string message) => new(400, message, InvalidRequest, null, "invalid_json");

    /// <summary>The prompt's tokens leave no room in the context for an answer.</summary>
    public static ApiError ContextLengthExceeded(string param, int promptTokens, int contextTokens) =>
        ContextLengthExceeded(param, string.Create(CultureInfo.InvariantCulture,
            $"This model's maximum context length is {contextTokens} tokens, but the prompt has {promptTokens} tokens and at least one more is needed for the answer."));

    public static ApiError ContextLengthExceeded(string? param, string message) =>
        new(400, message, InvalidRequest, param, "context_length_exceeded");

    public static ApiError ModelNotFound(string name) =>
        new(404, $"The model '{Excerpt(name)}' does not exist. GET /v1/models lists the models.", InvalidRequest, "model", "model_not_found");

    public static ApiError QueueFull(int retryAfterSeconds) =>
        new(503, "The request queue is full. Try again later.", ServerError, null, "queue_full", retryAfterSeconds);

    public static ApiError Draining(int retryAfterSeconds) =>
        new(503, "The server is shutting down and takes no new requests.", ServerError, null, "draining", retryAfterSeconds);

    public static ApiError Internal() =>
        new(500, "The server had an error while processing the request.", ServerError, null, "internal_error");

    /// <summary>The envelope for a status that was set without a body, such as routing's 404 and 405.</summary>
    public static ApiError ForStatus(int status, string method, string path) => status switch
    {
        400 => new ApiError(400, "Bad request.", InvalidRequest, null, "bad_request"),
        404 => new ApiError(404, $"Unknown request URL: {method} {Excerpt(path)}.", InvalidRequest, null, "unknown_url"),
        405 => new ApiError(405, $"Method {method} is not allowed for {Excerpt(path)}.", InvalidRequest, null, "method_not_allowed"),
        408 => new ApiError(408, "The request body arrived too slowly.", InvalidRequest, null, "request_timeout"),
        413 => new ApiError(413, "The request body is too large.", InvalidRequest, null, "request_too_large"),
        415 => new ApiError(415, "Content-Type must be application/json in UTF-8.", InvalidRequest, null, "unsupported_media_type"),
        >= 500 => Internal() with { Status = status },
        _ => new ApiError(status, string.Create(CultureInfo.InvariantCulture, $"The request failed with status {status}."), InvalidRequest),
    };

    /// <summary>What a caller sent, short enough to be quoted back and without control characters.</summary>
    public static string Excerpt(string text)
    {
        const int charsMax = 100;
        var kept = text.Length <= charsMax ? text : text[..charsMax] + "…";
        return string.Create(kept.Length, kept, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
                span[i] = char.IsControl(source[i]) || char.IsSurrogate(source[i]) ? '?' : source[i];
        });
    }
}

/// <summary>A request that is refused; carried to the boundary that writes the envelope.</summary>
internal sealed class RequestRejectedException(ApiError error) : ServerException(error.Message, null)
{
    public ApiError Error { get; } = error;

    /// <summary>Refuses a parameter's value.</summary>
    public static RequestRejectedException Parameter(string param, string message, string code = "invalid_value") =>
        new(ApiError.InvalidParameter(param, message, code));
}
