using System.Text;
using System.Text.Json;
using Fathom.Server.Http;
using Fathom.Serving.Requests;

namespace Fathom.Server.OpenAi;

/// <summary>What every response and every chunk of it says about itself.</summary>
/// <param name="Id">Unique id of the response.</param>
/// <param name="CreatedSeconds">Unix time.</param>
/// <param name="Model">Name of the served model.</param>
internal sealed record ResponseIdentity(string Id, long CreatedSeconds, string Model)
{
    /// <summary>Names the software and its version: equal fingerprints and seeds give equal outputs.</summary>
    public static string SystemFingerprint { get; } = "fathom-" + ServerVersion.Text;

    public static ResponseIdentity Create(string prefix, ServedModel model, TimeProvider clock) =>
        new(prefix + Guid.NewGuid().ToString("N"), clock.GetUtcNow().ToUnixTimeSeconds(), model.Name);

    public void Write(Utf8JsonWriter json, ReadOnlySpan<byte> kind)
    {
        json.WriteString("id"u8, Id);
        json.WriteString("object"u8, kind);
        json.WriteNumber("created"u8, CreatedSeconds);
        json.WriteString("model"u8, Model);
        json.WriteString("system_fingerprint"u8, SystemFingerprint);
    }
}

/// <summary>A choice as it gathers for a response in one piece.</summary>
internal sealed class GatheredChoice
{
    public StringBuilder Text { get; } = new();

    /// <summary>Tokens with log probabilities, those of an echoed prompt first.</summary>
    public List<EmittedToken> Tokens { get; } = [];

    public FinishReason? FinishReason { get; set; }

    public void Add(GenerationUpdate update)
    {
        Text.Append(update.Text);
        Tokens.AddRange(update.Prompt ?? []);
        Tokens.AddRange(update.Tokens);
        FinishReason = update.FinishReason ?? FinishReason;
    }
}

/// <summary>The JSON of one kind of generation: chat or text completion. One response owns it.</summary>
internal interface IResponseFormat
{
    /// <summary>OpenTelemetry's name of the operation.</summary>
    string Operation { get; }

    /// <summary>Writes the events of one update; none when it has nothing for the client.</summary>
    void WriteUpdate(EventStream stream, int choice, GenerationUpdate update);

    /// <summary>Writes the event with the usage and without choices.</summary>
    void WriteUsage(EventStream stream, TokenUsage usage);

    /// <summary>Writes the whole response.</summary>
    void WriteWhole(Utf8JsonWriter json, IReadOnlyList<GatheredChoice> choices, TokenUsage usage);
}

/// <summary>OpenAI's words for why a choice ended.</summary>
internal static class FinishReasonJson
{
    public static void Write(Utf8JsonWriter json, FinishReason? reason)
    {
        json.WritePropertyName("finish_reason"u8);
        switch (reason)
        {
            case FinishReason.Stop:
                json.WriteStringValue("stop"u8);
                break;
            case FinishReason.Length:
                json.WriteStringValue("length"u8);
                break;
            default:
                json.WriteNullValue();
                break;
        }
    }
}
