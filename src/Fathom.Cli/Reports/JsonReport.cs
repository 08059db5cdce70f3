using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Fathom.Cli.Reports;

/// <summary>One JSON object on standard output: snake_case keys, units as suffixes.</summary>
internal static class JsonReport
{
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DictionaryKeyPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };

    private static readonly JsonSerializerOptions Indented = new(Options) { WriteIndented = true };

    /// <summary>For reports that people also read.</summary>
    public static void WriteIndented<T>(TextWriter output, T report) => output.WriteLine(JsonSerializer.Serialize(report, Indented));

    /// <summary>For reports that are mostly one long list.</summary>
    public static void WriteLine<T>(TextWriter output, T report) => output.WriteLine(JsonSerializer.Serialize(report, Options));
}
