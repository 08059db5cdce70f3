using System.Text.Json;

namespace Fathom.Cli.CommandLine;

/// <summary>Where settings stand besides the command line: FATHOM_MAX_BATCH in the environment, "max_batch" in ./fathom.json.</summary>
internal static class SettingSources
{
    private const string FileName = "fathom.json";
    private static readonly Lazy<IReadOnlyDictionary<string, string>> FileSettings = new(() => ReadFile(FileName));

    /// <summary>The text of a setting and the name of its source; no text when no source has it.</summary>
    public static (string? Text, string Source) Find(string optionName)
    {
        var key = optionName.TrimStart('-').Replace('-', '_');
        var variable = $"FATHOM_{key.ToUpperInvariant()}";
        if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value)
            return (value, variable);
        return FileSettings.Value.TryGetValue(key, out var stored) ? (stored, $"{FileName}: {key}") : (null, optionName);
    }

    /// <exception cref="UsageException">The file is not one JSON object of plain values.</exception>
    internal static IReadOnlyDictionary<string, string> ReadFile(string path)
    {
        var settings = new Dictionary<string, string>();
        if (!File.Exists(path))
            return settings;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new UsageException($"{path}: must hold one JSON object, such as {{\"port\": 8080}}.");
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.Value.ValueKind is JsonValueKind.Object or JsonValueKind.Array or JsonValueKind.Null)
                    throw new UsageException($"{path}: {property.Name} must be a text, a number or true/false.");
                settings[property.Name] = property.Value.ToString();
            }
            return settings;
        }
        catch (JsonException error)
        {
            throw new UsageException($"{path}: not valid JSON at line {error.LineNumber + 1}.");
        }
    }
}
