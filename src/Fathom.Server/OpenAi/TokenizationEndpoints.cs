using Fathom.Server.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fathom.Server.OpenAi;

/// <summary>POST /tokenize and /detokenize, in vLLM's shapes.</summary>
internal sealed class TokenizationEndpoints(ServedModels models, TimeProvider clock)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/tokenize", TokenizeAsync).WithMetadata(NeedsApiKey.Mark);
        routes.MapPost("/detokenize", DetokenizeAsync).WithMetadata(NeedsApiKey.Mark);
    }

    private async Task TokenizeAsync(HttpContext context)
    {
        ServedModel model;
        int[] tokens;
        bool withStrings;
        using (var body = await RequestBody.ReadAsync(context))
        {
            model = models.Resolve(body.Fields);
            withStrings = body.Fields.Boolean("return_token_strs") ?? false;
            tokens = Tokenize(body.Fields, model, context.RequestAborted);
        }

        await JsonResponse.WriteAsync(context, (model, tokens, withStrings), static (json, s) =>
        {
            json.WriteStartObject();
            json.WriteNumber("count"u8, s.tokens.Length);
            json.WriteNumber("max_model_len"u8, s.model.Engine.ContextLength);
            json.WriteStartArray("tokens"u8);
            foreach (var token in s.tokens)
                json.WriteNumberValue(token);
            json.WriteEndArray();
            if (s.withStrings)
            {
                json.WriteStartArray("token_strs"u8);
                foreach (var token in s.tokens)
                    json.WriteStringValue(TokenStrings.Of(s.model.Tokenizer, token));
                json.WriteEndArray();
            }

            json.WriteEndObject();
        });
    }

    private int[] Tokenize(JsonFields fields, ServedModel model, CancellationToken cancellationToken)
    {
        if (fields.TryGet("messages", out _))
        {
            var addGenerationPrompt = fields.Boolean("add_generation_prompt") ?? true;
            return PromptTokens.FromChat(model, ChatMessages.Read(fields), PromptTokens.ReadVariables(fields), addGenerationPrompt, clock, cancellationToken);
        }

        return PromptTokens.FromText(model, fields.RequiredText("prompt"), fields.Boolean("add_special_tokens") ?? true, "prompt");
    }

    private async Task DetokenizeAsync(HttpContext context)
    {
        string text;
        using (var body = await RequestBody.ReadAsync(context))
        {
            var model = models.Resolve(body.Fields);
            var tokens = TokenIds.Read(body.Fields.Required("tokens"), "tokens", model.Tokenizer.VocabularySize, int.MaxValue);
            text = model.Tokenizer.Decode(tokens, skipSpecial: false);
        }

        await JsonResponse.WriteAsync(context, text, static (json, prompt) =>
        {
            json.WriteStartObject();
            json.WriteString("prompt"u8, prompt);
            json.WriteEndObject();
        });
    }
}
