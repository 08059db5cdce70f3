using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fathom.Server.Http;

namespace Fathom.Server.OpenAi;

/// <summary>Turns the <c>messages</c> of a chat request into what chat templates read.</summary>
internal static class ChatMessages
{
    // Templates of models with tools read these from earlier turns; they pass through as they came.
    private static readonly string[] s_passedThrough = ["name", "tool_calls", "tool_call_id", "reasoning_content"];

    /// <exception cref="RequestRejectedException">Not an array of messages with known roles and text content.</exception>
    public static JsonArray Read(JsonFields fields)
    {
        const string name = "messages";
        var value = fields.Required(name);
        if (value.ValueKind != JsonValueKind.Array)
            throw JsonFields.WrongType(name, "an array of messages", value);
        if (value.GetArrayLength() == 0)
            throw RequestRejectedException.Parameter(name, "'messages' must have at least one message.");

        var messages = new JsonArray();
        foreach (var element in value.EnumerateArray())
            messages.Add((JsonNode)ReadMessage(new JsonFields(element, $"{name}[{messages.Count}]")));
        return messages;
    }

    private static JsonObject ReadMessage(JsonFields message)
    {
        var role = message.RequiredText("role");
        if (role is not ("system" or "developer" or "user" or "assistant" or "tool"))
        {
            throw RequestRejectedException.Parameter(message.PathOf("role"),
                $"'{message.PathOf("role")}' must be one of system, developer, user, assistant and tool, but is '{ApiError.Excerpt(role)}'.");
        }

        var read = new JsonObject
        {
            // The developer role is OpenAI's newer word for the system's; templates know only the latter.
            ["role"] = role == "developer" ? "system" : role,
            ["content"] = ReadContent(message, role),
        };
        foreach (var field in s_passedThrough)
        {
            if (message.TryGet(field, out var value))
                read[field] = JsonNode.Parse(value.GetRawText());
        }

        return read;
    }

    private static string? ReadContent(JsonFields message, string role)
    {
        if (!message.TryGet("content", out var content))
        {
            if (role == "assistant" && message.TryGet("tool_calls", out _))
                return null;
            throw new RequestRejectedException(ApiError.Missing(message.PathOf("content")));
        }

        var path = message.PathOf("content");
        return content.ValueKind switch
        {
            JsonValueKind.String => content.GetString(),
            JsonValueKind.Array => ReadParts(content, path),
            _ => throw JsonFields.WrongType(path, "a string or an array of content parts", content),
        };
    }

    private static string ReadParts(JsonElement parts, string path)
    {
        var text = new StringBuilder();
        var index = 0;
        foreach (var element in parts.EnumerateArray())
        {
            var part = new JsonFields(element, $"{path}[{index}]");
            var type = part.RequiredText("type");
            if (type != "text")
            {
                throw new RequestRejectedException(ApiError.Unsupported(part.PathOf("type"),
                    $"'{part.PathOf("type")}' must be 'text': content of type '{ApiError.Excerpt(type)}' is not supported by this server."));
            }

            if (index++ > 0)
                text.Append('\n');
            text.Append(part.RequiredText("text"));
        }

        return text.ToString();
    }
}
