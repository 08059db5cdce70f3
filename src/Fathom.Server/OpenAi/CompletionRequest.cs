using System.Globalization;
using System.Text.Json;
using Fathom.Server.Http;
using Fathom.Serving.Requests;

namespace Fathom.Server.OpenAi;

/// <summary>A text completion request, read, checked and turned into the engine's terms: one generation for each prompt.</summary>
/// <param name="Settings">The fields that chats share.</param>
/// <param name="Generations">What the engine is asked, in order of the prompts.</param>
/// <param name="WithLogprobs">The response carries log probabilities.</param>
internal sealed record CompletionRequest(GenerationSettings Settings, IReadOnlyList<GenerationRequest> Generations, bool WithLogprobs)
{
    // OpenAI's own default, which clients know.
    private const int MaxTokensDefault = 16;
    private const int PromptsMax = 256;
    // One HTTP request counts as one for every limit of connections, so what it may fan out to is bounded by itself.
    private const int SequencesMax = 1024;

    /// <exception cref="RequestRejectedException">A field is missing, wrong or unsupported, or a prompt does not fit the context.</exception>
    public static CompletionRequest Read(JsonFields fields, ServedModel model)
    {
        UnsupportedFields.RefuseInCompletion(fields);
        var settings = GenerationSettings.Read(fields, model.Tokenizer.VocabularySize);
        var logprobs = fields.Int32("logprobs", 0, GenerationSettings.TopLogprobsMax);
        var echo = fields.Boolean("echo") ?? false;
        var maxTokens = fields.Int32("max_tokens", 0, int.MaxValue) ?? MaxTokensDefault;
        if (maxTokens == 0 && !echo)
            throw RequestRejectedException.Parameter("max_tokens", "'max_tokens' must be at least 1, or 0 with 'echo'.", "out_of_range");
        var bestOf = ReadBestOf(fields, settings);
        var addSpecial = fields.Boolean("add_special_tokens") ?? true;

        var generations = new List<GenerationRequest>();
        foreach (var (prompt, path) in ReadPrompts(fields.Required("prompt"), model, addSpecial))
        {
            generations.Add(settings.ToRequest(model, prompt, path, maxTokens, logprobs) with
            {
                BestOf = bestOf,
                Echo = echo,
                PromptLogprobs = echo ? logprobs : null,
            });
        }

        if (generations.Count * (bestOf ?? settings.Choices) > SequencesMax)
        {
            throw RequestRejectedException.Parameter("prompt", string.Create(CultureInfo.InvariantCulture,
                $"'prompt' holds {generations.Count} prompts of {bestOf ?? settings.Choices} choices each; at most {SequencesMax} choices fit one request."));
        }

        return new CompletionRequest(settings, generations, logprobs is not null);
    }

    private static int? ReadBestOf(JsonFields fields, GenerationSettings settings)
    {
        const string name = "best_of";
        var bestOf = fields.Int32(name, 1, GenerationRequest.ChoicesMax);
        if (bestOf < settings.Choices)
            throw RequestRejectedException.Parameter(name, "'best_of' must not be less than 'n'.", "out_of_range");
        if (bestOf > settings.Choices && settings.Stream)
            throw RequestRejectedException.Parameter(name, "'best_of' above 'n' cannot be streamed: the best choices are known at the end only.");
        return bestOf;
    }

    private static List<(int[] Tokens, string Path)> ReadPrompts(JsonElement prompt, ServedModel model, bool addSpecial)
    {
        const string name = "prompt";
        if (prompt.ValueKind == JsonValueKind.String)
            return [(FromText(prompt, name, model, addSpecial), name)];
        if (prompt.ValueKind != JsonValueKind.Array)
            throw JsonFields.WrongType(name, "a string, an array of strings, an array of token ids or an array of arrays of token ids", prompt);
        if (prompt.GetArrayLength() == 0)
            throw RequestRejectedException.Parameter(name, "'prompt' must not be empty.");
        if (prompt[0].ValueKind == JsonValueKind.Number)
            return [(FromTokens(prompt, name, model), name)];
        if (prompt.GetArrayLength() > PromptsMax)
        {
            throw RequestRejectedException.Parameter(name,
                string.Create(CultureInfo.InvariantCulture, $"'prompt' can hold at most {PromptsMax} prompts, but holds {prompt.GetArrayLength()}."));
        }

        var prompts = new List<(int[] Tokens, string Path)>();
        foreach (var element in prompt.EnumerateArray())
        {
            var path = $"{name}[{prompts.Count}]";
            prompts.Add((element.ValueKind == JsonValueKind.Array ? FromTokens(element, path, model) : FromText(element, path, model, addSpecial), path));
        }

        return prompts;
    }

    private static int[] FromText(JsonElement element, string path, ServedModel model, bool addSpecial)
    {
        var tokens = PromptTokens.FromText(model, JsonFields.AsText(element, path), addSpecial, path);
        if (tokens.Length > 0)
            return tokens;
        // The model needs something to continue: the token that begins a text, if it has one.
        return model.Tokenizer.BeginOfSequence is { } first ? [first] : throw Empty(path);
    }

    private static int[] FromTokens(JsonElement element, string path, ServedModel model)
    {
        // The body limit bounds the array; one that is too long for the context is named as such afterwards.
        var tokens = TokenIds.Read(element, path, model.Tokenizer.VocabularySize, int.MaxValue);
        return tokens.Length > 0 ? tokens : throw Empty(path);
    }

    private static RequestRejectedException Empty(string path) =>
        RequestRejectedException.Parameter(path, $"'{path}' must not be empty.");
}
