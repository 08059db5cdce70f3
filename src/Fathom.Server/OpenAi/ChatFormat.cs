using System.Text.Json;
using Fathom.Models.Tokenization;
using Fathom.Server.Http;
using Fathom.Serving.Requests;

namespace Fathom.Server.OpenAi;

/// <summary>The JSON of chat completions and their chunks.</summary>
/// <param name="identity">What each chunk repeats.</param>
/// <param name="tokenizer">Spells tokens in log probabilities.</param>
/// <param name="choices">Number of choices.</param>
/// <param name="withLogprobs">Log probabilities were asked for.</param>
/// <param name="withUsage">Chunks announce the usage that comes at the end.</param>
internal sealed class ChatFormat(ResponseIdentity identity, Tokenizer tokenizer, int choices, bool withLogprobs, bool withUsage) : IResponseFormat
{
    private readonly bool[] _begun = new bool[choices];

    public string Operation => "chat";

    public void WriteUpdate(EventStream stream, int choice, GenerationUpdate update)
    {
        if (!_begun[choice])
        {
            _begun[choice] = true;
            WriteChunk(stream, choice, "", [], null, withRole: true);
        }

        if (update.Text.Length > 0 || (withLogprobs && update.Tokens.Count > 0))
            WriteChunk(stream, choice, update.Text, update.Tokens, null, withRole: false);
        if (update.FinishReason is { } reason)
            WriteChunk(stream, choice, null, [], reason, withRole: false);
    }

    public void WriteUsage(EventStream stream, TokenUsage usage)
    {
        var json = BeginChunk(stream);
        json.WriteStartArray("choices"u8);
        json.WriteEndArray();
        UsageJson.Write(json, usage);
        json.WriteEndObject();
        stream.EndEvent();
    }

    public void WriteWhole(Utf8JsonWriter json, IReadOnlyList<GatheredChoice> choices, TokenUsage usage)
    {
        json.WriteStartObject();
        identity.Write(json, "chat.completion"u8);
        json.WriteStartArray("choices"u8);
        for (var index = 0; index < choices.Count; index++)
        {
            var choice = choices[index];
            json.WriteStartObject();
            json.WriteNumber("index"u8, index);
            json.WriteStartObject("message"u8);
            json.WriteString("role"u8, "assistant"u8);
            json.WriteString("content"u8, choice.Text.ToString());
            json.WriteNull("refusal"u8);
            json.WriteEndObject();
            WriteLogprobs(json, choice.Tokens);
            FinishReasonJson.Write(json, choice.FinishReason);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        UsageJson.Write(json, usage);
        json.WriteEndObject();
    }

    private Utf8JsonWriter BeginChunk(EventStream stream)
    {
        var json = stream.BeginEvent();
        json.WriteStartObject();
        identity.Write(json, "chat.completion.chunk"u8);
        return json;
    }

    private void WriteChunk(EventStream stream, int choice, string? content, IReadOnlyList<EmittedToken> tokens, FinishReason? reason, bool withRole)
    {
        var json = BeginChunk(stream);
        json.WriteStartArray("choices"u8);
        json.WriteStartObject();
        json.WriteNumber("index"u8, choice);
        json.WriteStartObject("delta"u8);
        if (withRole)
            json.WriteString("role"u8, "assistant"u8);
        if (content is not null)
            json.WriteString("content"u8, content);
        json.WriteEndObject();
        WriteLogprobs(json, tokens);
        FinishReasonJson.Write(json, reason);
        json.WriteEndObject();
        json.WriteEndArray();
        if (withUsage)
            json.WriteNull("usage"u8);
        json.WriteEndObject();
        stream.EndEvent();
    }

    private void WriteLogprobs(Utf8JsonWriter json, IReadOnlyList<EmittedToken> tokens)
    {
        json.WritePropertyName("logprobs"u8);
        if (withLogprobs && tokens.Count > 0)
            LogprobsJson.WriteChat(json, tokenizer, tokens);
        else
            json.WriteNullValue();
    }
}
