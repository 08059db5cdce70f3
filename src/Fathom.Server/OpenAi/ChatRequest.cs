using Fathom.Server.Http;
using Fathom.Serving.Requests;

namespace Fathom.Server.OpenAi;

/// <summary>A chat completion request, read, checked and turned into the engine's terms.</summary>
/// <param name="Settings">The fields that text completions share.</param>
/// <param name="Generation">What the engine is asked.</param>
/// <param name="WithLogprobs">The response carries log probabilities.</param>
internal sealed record ChatRequest(GenerationSettings Settings, GenerationRequest Generation, bool WithLogprobs)
{
    /// <exception cref="RequestRejectedException">A field is missing, wrong or unsupported, or the chat does not fit the context.</exception>
    public static ChatRequest Read(JsonFields fields, ServedModel model, TimeProvider clock, CancellationToken cancellationToken)
    {
        UnsupportedFields.RefuseInChat(fields);
        var settings = GenerationSettings.Read(fields, model.Tokenizer.VocabularySize);
        var topLogprobs = ReadTopLogprobs(fields);
        var maxTokens = fields.Int32("max_completion_tokens", 1, int.MaxValue) ?? fields.Int32("max_tokens", 1, int.MaxValue);
        var addGenerationPrompt = fields.Boolean("add_generation_prompt") ?? true;
        var prompt = PromptTokens.FromChat(model, ChatMessages.Read(fields), PromptTokens.ReadVariables(fields), addGenerationPrompt, clock, cancellationToken);
        return new ChatRequest(settings, settings.ToRequest(model, prompt, "messages", maxTokens, topLogprobs), topLogprobs is not null);
    }

    private static int? ReadTopLogprobs(JsonFields fields)
    {
        const string name = "top_logprobs";
        var wanted = fields.Boolean("logprobs") ?? false;
        var top = fields.Int32(name, 0, GenerationSettings.TopLogprobsMax);
        if (top > 0 && !wanted)
            throw RequestRejectedException.Parameter(name, $"'{name}' is only allowed when 'logprobs' is true.");
        return wanted ? top ?? 0 : null;
    }
}
