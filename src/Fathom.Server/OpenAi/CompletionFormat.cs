using System.Text.Json;
using Fathom.Models.Tokenization;
using Fathom.Server.Http;
using Fathom.Serving.Requests;

namespace Fathom.Server.OpenAi;

/// <summary>The JSON of text completions and their chunks, which have the same shape.</summary>
/// <param name="identity">What each chunk repeats.</param>
/// <param name="tokenizer">Spells tokens in log probabilities.</param>
/// <param name="choices">Number of choices over all prompts.</param>
/// <param name="withLogprobs">Log probabilities were asked for.</param>
/// <param name="withUsage">Chunks announce the usage that comes at the end.</param>
internal sealed class CompletionFormat(ResponseIdentity identity, Tokenizer tokenizer, int choices, bool withLogprobs, bool withUsage) : IResponseFormat
{
    // Characters already sent of each choice: where the text of its next token begins.
    private readonly int[] _offsets = new int[choices];

    public string Operation => "text_completion";

    public void WriteUpdate(EventStream stream, int choice, GenerationUpdate update)
    {
        IReadOnlyList<EmittedToken> tokens = update.Prompt is null ? update.Tokens : [.. update.Prompt, .. update.Tokens];
        if (update.Text.Length == 0 && update.FinishReason is null && !(withLogprobs && tokens.Count > 0))
            return;

        var json = BeginResponse(stream.BeginEvent());
        json.WriteStartArray("choices"u8);
        WriteChoice(json, choice, update.Text, tokens, update.FinishReason);
        json.WriteEndArray();
        if (withUsage)
            json.WriteNull("usage"u8);
        json.WriteEndObject();
        stream.EndEvent();
    }

    public void WriteUsage(EventStream stream, TokenUsage usage)
    {
        var json = BeginResponse(stream.BeginEvent());
        json.WriteStartArray("choices"u8);
        json.WriteEndArray();
        UsageJson.Write(json, usage);
        json.WriteEndObject();
        stream.EndEvent();
    }

    public void WriteWhole(Utf8JsonWriter json, IReadOnlyList<GatheredChoice> choices, TokenUsage usage)
    {
        BeginResponse(json);
        json.WriteStartArray("choices"u8);
        for (var index = 0; index < choices.Count; index++)
            WriteChoice(json, index, choices[index].Text.ToString(), choices[index].Tokens, choices[index].FinishReason);
        json.WriteEndArray();
        UsageJson.Write(json, usage);
        json.WriteEndObject();
    }

    private Utf8JsonWriter BeginResponse(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        identity.Write(json, "text_completion"u8);
        return json;
    }

    private void WriteChoice(Utf8JsonWriter json, int choice, string text, IReadOnlyList<EmittedToken> tokens, FinishReason? reason)
    {
        json.WriteStartObject();
        json.WriteNumber("index"u8, choice);
        json.WriteString("text"u8, text);
        json.WritePropertyName("logprobs"u8);
        if (withLogprobs && tokens.Count > 0)
            LogprobsJson.WriteCompletion(json, tokenizer, tokens, ref _offsets[choice]);
        else
            json.WriteNullValue();
        FinishReasonJson.Write(json, reason);
        json.WriteEndObject();
    }
}
