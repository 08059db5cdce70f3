using System.Text.Json;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.Models.Gguf;

namespace Fathom.Cli.Commands.Model;

/// <summary>Metadata values for a report: scalars as they are, long arrays as their type and length.</summary>
internal static class MetadataContent
{
    private const int ShownElementsMax = 16;
    private const int ShownCharactersMax = 120;

    private sealed record LongArray(string ElementType, int Count);

    public static object Of(GgufValue value) =>
        value.Count > ShownElementsMax ? new LongArray(value.ElementType.ToString().ToLowerInvariant(), value.Count) : value.Content;

    /// <summary>Keys of a config.json, nested values included.</summary>
    /// <exception cref="CommandException">Not one JSON object.</exception>
    public static IReadOnlyDictionary<string, object?> OfConfig(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<Dictionary<string, object?>>(File.ReadAllBytes(path), JsonReport.Options)
                ?? throw new CommandException($"{path}: must hold a JSON object.");
        }
        catch (JsonException error)
        {
            throw new CommandException($"{path}: not a JSON object (line {error.LineNumber + 1}).");
        }
    }

    /// <summary>One line for people.</summary>
    public static string Show(object? value)
    {
        var text = value is string plain ? plain.ReplaceLineEndings("\\n") : JsonSerializer.Serialize(value, JsonReport.Options);
        return text.Length <= ShownCharactersMax ? text : $"{text[..ShownCharactersMax]}…";
    }
}
