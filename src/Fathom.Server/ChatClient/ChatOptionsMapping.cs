using System.Text.Json.Nodes;
using Fathom.Server.Http;
using Fathom.Server.OpenAi;
using Fathom.Serving.Sampling;
using Microsoft.Extensions.AI;

namespace Fathom.Server.ChatClient;

/// <summary>Turns Microsoft.Extensions.AI's messages and options into the terms that the HTTP API uses too.</summary>
internal static class ChatOptionsMapping
{
    /// <summary>Options that the abstraction names win over those of a <see cref="SamplingParameters"/> that the options carry as raw representation.</summary>
    /// <exception cref="RequestRejectedException">An option that the server does not support.</exception>
    public static GenerationSettings ToSettings(ChatOptions? options, IChatClient client)
    {
        options ??= new ChatOptions();
        var raw = options.RawRepresentationFactory?.Invoke(client) as SamplingParameters ?? new SamplingParameters();
        if (options.Tools is { Count: > 0 })
            throw Unsupported("tools");
        if (options.ResponseFormat is not null and not ChatResponseFormatText)
            throw Unsupported("response_format");
        if (options.ConversationId is not null)
            throw Unsupported("conversation_id");

        return new GenerationSettings
        {
            Sampling = raw with
            {
                Temperature = options.Temperature ?? raw.Temperature,
                TopP = options.TopP is { } topP ? Math.Max(topP, float.Epsilon) : raw.TopP,
                TopK = options.TopK ?? raw.TopK,
                PresencePenalty = options.PresencePenalty ?? raw.PresencePenalty,
                FrequencyPenalty = options.FrequencyPenalty ?? raw.FrequencyPenalty,
                Seed = options.Seed is { } seed ? unchecked((ulong)seed) : raw.Seed,
            },
            StopStrings = [.. options.StopSequences ?? []],
        };
    }

    /// <exception cref="RequestRejectedException">Content that is not text, or no message at all.</exception>
    public static JsonArray ToMessages(IEnumerable<ChatMessage> messages, string? instructions)
    {
        var mapped = new JsonArray();
        if (!string.IsNullOrEmpty(instructions))
            mapped.Add((JsonNode)Message("system", instructions));
        foreach (var message in messages)
        {
            foreach (var content in message.Contents)
            {
                // Reasoning of earlier turns is not part of what a template shows.
                if (content is not (TextContent or TextReasoningContent or UsageContent))
                    throw Unsupported($"messages[{mapped.Count}].content");
            }

            mapped.Add((JsonNode)Message(message.Role.Value, message.Text));
        }

        return mapped.Count > 0 ? mapped : throw RequestRejectedException.Parameter("messages", "There must be at least one message.");
    }

    private static JsonObject Message(string role, string text) => new() { ["role"] = role, ["content"] = text };

    private static RequestRejectedException Unsupported(string name) =>
        new(ApiError.Unsupported(name, $"'{name}' is not supported by this client."));
}
