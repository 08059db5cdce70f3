using System.Text.Json.Nodes;

namespace Fathom.Models.ChatTemplates;

/// <summary>The variables of one rendering. The template sees copies: it cannot change what is handed in.</summary>
/// <remarks>
/// A property left null leaves its variable undefined. Transformers instead passes <c>tools=None</c>; whoever wants
/// exactly that sets <c>Variables["tools"] = null</c>. Entries of <see cref="Variables"/> win over the properties.
/// </remarks>
public sealed class ChatTemplateInput
{
    /// <summary>Variable <c>messages</c>: objects with <c>role</c>, <c>content</c> and whatever else the template reads.</summary>
    public JsonArray? Messages { get; init; }

    /// <summary>Variable <c>tools</c>: OpenAI function definitions.</summary>
    public JsonArray? Tools { get; init; }

    /// <summary>Variable <c>add_generation_prompt</c>: end with the opening of the assistant's turn.</summary>
    public bool? AddGenerationPrompt { get; init; }

    /// <summary>Variable <c>bos_token</c>: text of the begin-of-sequence token.</summary>
    public string? BeginOfSequence { get; init; }

    /// <summary>Variable <c>eos_token</c>: text of the end-of-sequence token.</summary>
    public string? EndOfSequence { get; init; }

    /// <summary>Further variables by name. Values: null, string, bool, integers, floating point numbers, <see cref="JsonNode"/>,
    /// <see cref="System.Text.Json.JsonElement"/>, dictionaries with string keys and sequences of these.</summary>
    public IReadOnlyDictionary<string, object?> Variables { get; init; } = new Dictionary<string, object?>();

    /// <summary>Gives <c>strftime_now</c> its local time.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Bounds of the rendering.</summary>
    public ChatTemplateLimits Limits { get; init; } = ChatTemplateLimits.Default;

    /// <summary>Takes every property of a JSON object as a variable of that name, and nothing else.</summary>
    /// <param name="variables">For example an object with <c>messages</c>, <c>tools</c> and <c>add_generation_prompt</c>.</param>
    /// <param name="clock">Gives <c>strftime_now</c> its local time; the system's when null.</param>
    public static ChatTemplateInput FromJson(JsonObject variables, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(variables);
        return new ChatTemplateInput
        {
            Variables = variables.ToDictionary(p => p.Key, p => (object?)p.Value, StringComparer.Ordinal),
            Clock = clock ?? TimeProvider.System,
        };
    }
}
