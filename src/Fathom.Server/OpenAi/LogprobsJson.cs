using System.Text.Json;
using Fathom.Models.Tokenization;
using Fathom.Serving.Requests;

namespace Fathom.Server.OpenAi;

/// <summary>Writes log probabilities in the shapes of chat and of text completions.</summary>
internal static class LogprobsJson
{
    // JSON has no infinity; OpenAI writes this for a token that is as good as impossible.
    private const float Impossible = -9999;

    /// <summary><c>{"content":[{"token","logprob","bytes","top_logprobs"}],"refusal":null}</c>.</summary>
    public static void WriteChat(Utf8JsonWriter json, Tokenizer tokenizer, IReadOnlyList<EmittedToken> tokens)
    {
        json.WriteStartObject();
        json.WriteStartArray("content"u8);
        foreach (var token in tokens)
        {
            json.WriteStartObject();
            WriteTokenFields(json, tokenizer, token.Token, token.Logprob);
            json.WriteStartArray("top_logprobs"u8);
            foreach (var top in token.Top)
            {
                json.WriteStartObject();
                WriteTokenFields(json, tokenizer, top.Token, top.Logprob);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNull("refusal"u8);
        json.WriteEndObject();
    }

    /// <summary><c>{"tokens","token_logprobs","top_logprobs","text_offset"}</c>.</summary>
    /// <param name="json">Receives it.</param>
    /// <param name="tokenizer">Spells the tokens.</param>
    /// <param name="tokens">The tokens, those of an echoed prompt first.</param>
    /// <param name="offset">Characters of the choice's text before the first token; gives those after the last.</param>
    public static void WriteCompletion(Utf8JsonWriter json, Tokenizer tokenizer, IReadOnlyList<EmittedToken> tokens, ref int offset)
    {
        json.WriteStartObject();
        json.WriteStartArray("tokens"u8);
        foreach (var token in tokens)
            json.WriteStringValue(TokenStrings.Of(tokenizer, token.Token));
        json.WriteEndArray();
        json.WriteStartArray("token_logprobs"u8);
        foreach (var token in tokens)
            WriteLogprob(json, token.Logprob);
        json.WriteEndArray();
        json.WriteStartArray("top_logprobs"u8);
        foreach (var token in tokens)
            WriteTopMap(json, tokenizer, token);
        json.WriteEndArray();
        json.WriteStartArray("text_offset"u8);
        foreach (var token in tokens)
        {
            json.WriteNumberValue(offset);
            offset += CharactersOf(tokenizer, token.Token);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteTokenFields(Utf8JsonWriter json, Tokenizer tokenizer, int token, float logprob)
    {
        json.WriteString("token"u8, TokenStrings.Of(tokenizer, token));
        json.WritePropertyName("logprob"u8);
        WriteLogprob(json, logprob);
        if (tokenizer.IsControl(token))
        {
            json.WriteNull("bytes"u8);
            return;
        }

        json.WriteStartArray("bytes"u8);
        foreach (var b in tokenizer.TokenBytes(token))
            json.WriteNumberValue((uint)b);
        json.WriteEndArray();
    }

    /// <summary>The likeliest tokens and the one that came, by their text; of two tokens with one text the likelier stays.</summary>
    private static void WriteTopMap(Utf8JsonWriter json, Tokenizer tokenizer, EmittedToken token)
    {
        if (float.IsNaN(token.Logprob))
        {
            json.WriteNullValue();
            return;
        }

        var written = new HashSet<string>(StringComparer.Ordinal);
        json.WriteStartObject();
        foreach (var top in token.Top.Append(new TokenLogprob(token.Token, token.Logprob)))
        {
            var text = TokenStrings.Of(tokenizer, top.Token);
            if (!written.Add(text))
                continue;
            json.WritePropertyName(text);
            WriteLogprob(json, top.Logprob);
        }

        json.WriteEndObject();
    }

    private static void WriteLogprob(Utf8JsonWriter json, float logprob)
    {
        if (float.IsNaN(logprob))
            json.WriteNullValue();
        else
            json.WriteNumberValue(Math.Max(logprob, Impossible));
    }

    /// <summary>Characters that begin in the token: all its bytes but UTF-8's continuation bytes.</summary>
    private static int CharactersOf(Tokenizer tokenizer, int token)
    {
        var characters = 0;
        foreach (var b in tokenizer.TokenBytes(token))
            characters += (b & 0xC0) == 0x80 ? 0 : 1;
        return characters;
    }
}
