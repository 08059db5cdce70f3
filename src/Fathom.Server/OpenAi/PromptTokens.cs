using System.Globalization;
using System.Text.Json.Nodes;
using Fathom.Models.ChatTemplates;
using Fathom.Models.Tokenization;
using Fathom.Server.Http;

namespace Fathom.Server.OpenAi;

/// <summary>Makes prompts of token ids from text and from chats, and keeps what cannot fit the context from costing time.</summary>
internal static class PromptTokens
{
    // What the server itself sets; a request's chat_template_kwargs may not replace it.
    private static readonly string[] s_reservedVariables = ["messages", "tools", "bos_token", "eos_token"];

    /// <summary>Tokens of a text as a model's prompt. Spelled control tokens count as such: a raw prompt may hold a chat's markup.</summary>
    /// <exception cref="RequestRejectedException">Too long for the context.</exception>
    public static int[] FromText(ServedModel model, string text, bool addSpecial, string param)
    {
        if (text.Length > model.PromptCharsMax)
        {
            throw new RequestRejectedException(ApiError.ContextLengthExceeded(param, string.Create(CultureInfo.InvariantCulture,
                $"This model's maximum context length is {model.Engine.ContextLength} tokens, fewer than a prompt of {text.Length} characters needs.")));
        }

        return model.Tokenizer.Encode(text, addSpecial, parseSpecial: true);
    }

    /// <summary>Tokens of a chat, rendered by the model's template up to the assistant's turn.</summary>
    /// <exception cref="RequestRejectedException">No template, a chat that the template refuses, or too long for the context.</exception>
    public static int[] FromChat(ServedModel model, JsonArray messages, IReadOnlyDictionary<string, object?> variables, bool addGenerationPrompt, TimeProvider clock, CancellationToken cancellationToken)
    {
        if (model.ChatTemplate is null)
        {
            throw new RequestRejectedException(new ApiError(400, $"The model '{model.Name}' has no chat template: use /v1/completions.",
                ApiError.InvalidRequest, "model", "no_chat_template"));
        }

        // Transformers defines tools as none where there are none, and templates test for that.
        var all = new Dictionary<string, object?>(variables, StringComparer.Ordinal) { ["tools"] = null };
        var input = new ChatTemplateInput
        {
            Messages = messages,
            AddGenerationPrompt = addGenerationPrompt,
            BeginOfSequence = TokenText(model.Tokenizer, model.Tokenizer.BeginOfSequence),
            EndOfSequence = TokenText(model.Tokenizer, model.Tokenizer.EndOfSequence),
            Variables = all,
            Clock = clock,
        };
        string text;
        try
        {
            text = model.ChatTemplate.Render(input, cancellationToken);
        }
        catch (ChatTemplateException e)
        {
            throw new RequestRejectedException(new ApiError(400, $"The model's chat template refused the messages: {ApiError.Excerpt(e.Reason)}",
                ApiError.InvalidRequest, "messages", "chat_template_error"));
        }

        // The template writes the begin-of-sequence token itself where the model wants one.
        return FromText(model, text, addSpecial: false, "messages");
    }

    /// <summary>Reads <c>chat_template_kwargs</c>: extra variables for the template. They refer to the body.</summary>
    /// <exception cref="RequestRejectedException">Not an object, or with a reserved name.</exception>
    public static IReadOnlyDictionary<string, object?> ReadVariables(JsonFields fields)
    {
        const string name = "chat_template_kwargs";
        if (!fields.TryGet(name, out var value))
            return new Dictionary<string, object?>();

        var variables = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var property in new JsonFields(value, name).Object.EnumerateObject())
        {
            if (s_reservedVariables.Contains(property.Name, StringComparer.Ordinal))
                throw RequestRejectedException.Parameter(name, $"'{name}' may not set '{property.Name}'.");
            variables[property.Name] = property.Value;
        }

        return variables;
    }

    private static string TokenText(Tokenizer tokenizer, int? token) => token is { } id ? tokenizer.TokenText(id) : "";
}
