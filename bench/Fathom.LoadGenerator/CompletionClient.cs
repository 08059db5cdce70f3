using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fathom.LoadGenerator;

/// <summary>What the server at hand accepts; found out before the run.</summary>
/// <param name="TokenPrompts">Prompts as arrays of token ids.</param>
/// <param name="IgnoreEos">The field <c>ignore_eos</c>.</param>
/// <param name="TokensPerWord">Of text prompts, in the server's own count.</param>
internal readonly record struct ServerDialect(bool TokenPrompts, bool IgnoreEos, double TokensPerWord);

/// <summary>Speaks <c>/v1/completions</c> and measures one request at a time; any number may be under way.</summary>
internal sealed class CompletionClient(HttpClient http, LoadOptions options, TimeProvider clock)
{
    private const int ErrorBodyCharsMax = 300;

    public Uri BaseUrl { get; } = BaseOf(options.Url);

    public string? Model { get; set; } = options.Model;

    /// <summary>Sends one streaming request and follows it to its end.</summary>
    /// <param name="request">Lengths.</param>
    /// <param name="prompt">Token ids.</param>
    /// <param name="dialect">What the server accepts.</param>
    /// <param name="arrival">The clock's timestamp from which latencies count.</param>
    /// <param name="cancellationToken">Ends the whole run; the only thing that is thrown.</param>
    public async Task<RequestOutcome> MeasureAsync(
        PlannedRequest request, int[] prompt, ServerDialect dialect, long arrival, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(options.RequestTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            using var message = NewMessage(HttpMethod.Post, "completions", Body(prompt, request.OutputTokens, dialect, stream: true));
            using var response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
                return RequestOutcome.Failed(FailureKind.Http((int)response.StatusCode), await ErrorTextAsync(response, either.Token).ConfigureAwait(false));
            return await FollowAsync(response, request, arrival, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return RequestOutcome.Failed(FailureKind.Timeout, $"no end within {options.RequestTimeout}");
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            return RequestOutcome.Failed(FailureKind.Connection, error.Message);
        }
        catch (Exception error) when (error is InvalidDataException or JsonException)
        {
            return RequestOutcome.Failed(FailureKind.Protocol, error.Message);
        }
    }

    /// <summary>One short request without streaming.</summary>
    /// <returns>The status, and the prompt's length as the server counted it, when it says so.</returns>
    public async Task<(HttpStatusCode Status, int? PromptTokens, string Error)> TryAsync(
        int[] prompt, ServerDialect dialect, CancellationToken cancellationToken)
    {
        using var message = NewMessage(HttpMethod.Post, "completions", Body(prompt, 1, dialect, stream: false));
        using var response = await http.SendAsync(message, cancellationToken).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
            return (response.StatusCode, null, await ErrorTextAsync(response, cancellationToken).ConfigureAwait(false));
        var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false));
        return (response.StatusCode, (int?)(body as JsonObject)?["usage"]?["prompt_tokens"], "");
    }

    /// <summary>The first model the server lists; null when it lists none.</summary>
    public async Task<string?> FirstModelAsync(CancellationToken cancellationToken)
    {
        using var message = NewMessage(HttpMethod.Get, "models", null);
        using var response = await http.SendAsync(message, cancellationToken).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
            return null;
        var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false));
        return body is JsonObject list && list["data"] is JsonArray { Count: > 0 } models ? (string?)models[0]?["id"] : null;
    }

    private async Task<RequestOutcome> FollowAsync(
        HttpResponseMessage response, PlannedRequest request, long arrival, CancellationToken cancellationToken)
    {
        var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using var events = new ServerSentEventReader(stream);
        var gaps = new List<double>(request.OutputTokens);
        long? first = null;
        long last = 0;
        var chunks = 0;
        int? counted = null, prompt = null;
        while (await events.ReadDataAsync(cancellationToken).ConfigureAwait(false) is { } data)
        {
            var now = clock.GetTimestamp();
            if (data == "[DONE]")
            {
                if (first is null)
                    return RequestOutcome.Failed(FailureKind.Protocol, "the stream was done before any token");
                return new RequestOutcome
                {
                    PromptTokens = prompt ?? request.InputTokens,
                    OutputTokens = counted ?? chunks,
                    FirstTokenMs = clock.GetElapsedTime(arrival, first.Value).TotalMilliseconds,
                    EndToEndMs = clock.GetElapsedTime(arrival, now).TotalMilliseconds,
                    GapsMs = gaps,
                };
            }
            using var document = JsonDocument.Parse(data);
            var chunk = document.RootElement;
            if (chunk.ValueKind != JsonValueKind.Object)
                throw new InvalidDataException("an event is no JSON object");
            if (chunk.TryGetProperty("error", out var error) && error.ValueKind != JsonValueKind.Null)
                return RequestOutcome.Failed(FailureKind.ServerError, Cut(error.GetRawText()));
            if (chunk.TryGetProperty("usage", out var usage) && usage.ValueKind == JsonValueKind.Object)
                (counted, prompt) = (ReadCount(usage, "completion_tokens") ?? counted, ReadCount(usage, "prompt_tokens") ?? prompt);
            var hasText = HasText(chunk, out var isLast);
            // A token may print as nothing: then the chunk that ends the answer is the first sign of it.
            if (!hasText && !(isLast && first is null))
                continue;
            chunks++;
            if (first is null)
                first = now;
            else
                gaps.Add(clock.GetElapsedTime(last, now).TotalMilliseconds);
            last = now;
        }
        return RequestOutcome.Failed(FailureKind.Protocol, "the stream ended without [DONE]");
    }

    private static bool HasText(JsonElement chunk, out bool isLast)
    {
        isLast = false;
        if (!chunk.TryGetProperty("choices", out var choices) || choices.ValueKind != JsonValueKind.Array
            || choices.GetArrayLength() == 0 || choices[0].ValueKind != JsonValueKind.Object)
        {
            return false;
        }
        isLast = choices[0].TryGetProperty("finish_reason", out var reason) && reason.ValueKind == JsonValueKind.String;
        return choices[0].TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String && !text.ValueEquals("");
    }

    private static int? ReadCount(JsonElement usage, string name) =>
        usage.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var count) ? count : null;

    private JsonObject Body(int[] prompt, int outputTokens, ServerDialect dialect, bool stream)
    {
        var body = new JsonObject
        {
            ["prompt"] = dialect.TokenPrompts
                ? new JsonArray([.. prompt.Select(token => (JsonNode)token)])
                : PromptText.Of(prompt, dialect.TokensPerWord),
            ["max_tokens"] = outputTokens,
            ["temperature"] = 0,
        };
        if (Model is not null)
            body["model"] = Model;
        if (dialect.IgnoreEos)
            body["ignore_eos"] = true;
        if (stream)
        {
            body["stream"] = true;
            body["stream_options"] = new JsonObject { ["include_usage"] = true };
        }
        return body;
    }

    private HttpRequestMessage NewMessage(HttpMethod method, string path, JsonObject? body)
    {
        var message = new HttpRequestMessage(method, new Uri(BaseUrl, path));
        // As clients that know nothing of each other; and some servers close a connection just when it is used again.
        message.Headers.ConnectionClose = true;
        if (options.ApiKey is not null)
            message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", options.ApiKey);
        if (body is not null)
            message.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        return message;
    }

    private static async Task<string> ErrorTextAsync(HttpResponseMessage response, CancellationToken cancellationToken) =>
        Cut(await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false));

    private static string Cut(string text)
    {
        var line = text.ReplaceLineEndings(" ").Trim();
        return line.Length <= ErrorBodyCharsMax ? line : line[..ErrorBodyCharsMax] + "...";
    }

    private static Uri BaseOf(Uri url)
    {
        var path = url.AbsolutePath.TrimEnd('/');
        return new UriBuilder(url) { Path = path.EndsWith("/v1", StringComparison.Ordinal) ? path + "/" : path + "/v1/", Query = "" }.Uri;
    }
}
