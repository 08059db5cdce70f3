using System.Text.Json;
using Fathom.Server.Http;

namespace Fathom.Server.OpenAi;

/// <summary>
/// Fields that change what a caller gets and that this server cannot honour. They are refused by name; a value that asks for
/// nothing (null, false, empty, the default) passes. Any other unknown field passes silently, as OpenAI's servers do.
/// </summary>
internal static class UnsupportedFields
{
    private static readonly string[] s_chat =
    [
        "tools", "functions", "audio", "prediction", "web_search_options", "chat_template", "documents", "continue_final_message",
        "use_beam_search", "guided_json", "guided_regex", "guided_choice", "guided_grammar", "structured_outputs", "grammar",
    ];

    private static readonly string[] s_completion =
    [
        "suffix", "prompt_embeds", "use_beam_search", "guided_json", "guided_regex", "guided_choice", "guided_grammar",
        "structured_outputs", "grammar", "tools",
    ];

    /// <exception cref="RequestRejectedException">One of them asks for something.</exception>
    public static void RefuseInChat(JsonFields fields)
    {
        Refuse(fields, s_chat);
        RefuseToolChoice(fields, "tool_choice");
        RefuseToolChoice(fields, "function_call");
        RefuseModalities(fields);
        RefuseResponseFormat(fields);
    }

    /// <exception cref="RequestRejectedException">One of them asks for something.</exception>
    public static void RefuseInCompletion(JsonFields fields)
    {
        Refuse(fields, s_completion);
        RefuseResponseFormat(fields);
    }

    private static void Refuse(JsonFields fields, string[] names)
    {
        foreach (var name in names)
        {
            if (fields.TryGet(name, out var value) && AsksForSomething(value))
                throw Unsupported(name);
        }
    }

    private static void RefuseToolChoice(JsonFields fields, string name)
    {
        if (fields.TryGet(name, out var value)
            && !(value.ValueKind == JsonValueKind.String && (value.ValueEquals("none"u8) || value.ValueEquals("auto"u8))))
        {
            throw Unsupported(name);
        }
    }

    private static void RefuseModalities(JsonFields fields)
    {
        const string name = "modalities";
        if (!fields.TryGet(name, out var value))
            return;
        if (value.ValueKind != JsonValueKind.Array)
            throw JsonFields.WrongType(name, "an array of strings", value);
        foreach (var modality in value.EnumerateArray())
        {
            if (modality.ValueKind != JsonValueKind.String || !modality.ValueEquals("text"u8))
                throw new RequestRejectedException(ApiError.Unsupported(name, "'modalities' can only be [\"text\"]: this server's models write text."));
        }
    }

    private static void RefuseResponseFormat(JsonFields fields)
    {
        const string name = "response_format";
        if (!fields.TryGet(name, out var value))
            return;
        var type = new JsonFields(value, name).RequiredText("type");
        if (type != "text")
        {
            throw new RequestRejectedException(ApiError.Unsupported(name,
                $"'{name}' of type '{ApiError.Excerpt(type)}' is not supported by this server; only 'text' is."));
        }
    }

    private static bool AsksForSomething(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.False => false,
        JsonValueKind.Array => value.GetArrayLength() > 0,
        JsonValueKind.String => !value.ValueEquals(""u8),
        _ => true,
    };

    private static RequestRejectedException Unsupported(string name) =>
        new(ApiError.Unsupported(name, $"'{name}' is not supported by this server."));
}
