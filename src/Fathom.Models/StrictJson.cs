using System.Text.Json;
using System.Text.Unicode;

namespace Fathom.Models;

/// <summary>Parses JSON from untrusted files: no duplicate names, no invalid UTF-8, no unpaired surrogates, bounded depth.</summary>
internal static class StrictJson
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 32, AllowDuplicateProperties = false };

    /// <summary>Parses, or says in one line why not.</summary>
    /// <returns>Null when the text is not acceptable; then <paramref name="problem"/> says why.</returns>
    public static JsonDocument? Parse(ReadOnlyMemory<byte> utf8, out string problem, out Exception? cause)
    {
        problem = string.Empty;
        cause = null;
        if (!Utf8.IsValid(utf8.Span))
        {
            problem = "is not valid UTF-8";
            return null;
        }

        try
        {
            JsonDocument document = JsonDocument.Parse(utf8, Options);
            Touch(document.RootElement);
            return document;
        }
        catch (JsonException e)
        {
            problem = $"is not acceptable JSON: {e.Message}";
            cause = e;
        }
        catch (InvalidOperationException e)
        {
            // What the reader throws for an escape such as \ud800 without its other half.
            problem = "is not acceptable JSON: a string has an unpaired surrogate";
            cause = e;
        }

        return null;
    }

    /// <summary>Reads every name and string once, so that later reads cannot throw.</summary>
    private static void Touch(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    _ = property.Name;
                    Touch(property.Value);
                }

                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray())
                    Touch(item);
                break;
            case JsonValueKind.String:
                _ = element.GetString();
                break;
        }
    }
}
