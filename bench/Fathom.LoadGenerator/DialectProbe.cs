using System.Net;
using System.Text.Json;

namespace Fathom.LoadGenerator;

/// <summary>Finds out, with a few one-token requests, what a server accepts.</summary>
internal sealed class DialectProbe(CompletionClient client, Workload workload)
{
    private const int ProbeTokens = 64;

    /// <exception cref="LoadGeneratorException">The server cannot be reached or refuses every form.</exception>
    public async Task<ServerDialect> FindAsync(CancellationToken cancellationToken)
    {
        try
        {
            client.Model ??= await client.FirstModelAsync(cancellationToken).ConfigureAwait(false);
            return await TryFormsAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is HttpRequestException or IOException or JsonException or InvalidOperationException)
        {
            throw new LoadGeneratorException(client.BaseUrl.ToString(), $"does not answer as an OpenAI-compatible server: {error.Message}", error);
        }
    }

    private async Task<ServerDialect> TryFormsAsync(CancellationToken cancellationToken)
    {
        var prompt = workload.PromptOf(new PlannedRequest(int.MaxValue, TimeSpan.Zero, ProbeTokens, 1));
        ServerDialect[] forms =
        [
            new(TokenPrompts: true, IgnoreEos: true, 1),
            new(TokenPrompts: false, IgnoreEos: true, 1),
            new(TokenPrompts: true, IgnoreEos: false, 1),
            new(TokenPrompts: false, IgnoreEos: false, 1),
        ];
        var refusal = "";
        foreach (var form in forms)
        {
            var (status, counted, error) = await client.TryAsync(prompt, form, cancellationToken).ConfigureAwait(false);
            if (status == HttpStatusCode.OK)
                return form.TokenPrompts ? form : form with { TokensPerWord = Math.Max(0.1, (counted ?? ProbeTokens) / (double)ProbeTokens) };
            refusal = $"HTTP {(int)status} {error}";
            // Only "this request is wrong" can become right in another form.
            if (status is not (HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity))
                break;
        }
        throw new LoadGeneratorException(client.BaseUrl + "completions", $"refuses a prompt of {ProbeTokens} tokens: {refusal}");
    }
}
