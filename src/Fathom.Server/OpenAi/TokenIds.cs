using System.Globalization;
using System.Text.Json;
using Fathom.Server.Http;

namespace Fathom.Server.OpenAi;

/// <summary>Reads arrays of token ids.</summary>
internal static class TokenIds
{
    /// <exception cref="RequestRejectedException">Not an array of integers in the vocabulary, or too long.</exception>
    public static int[] Read(JsonElement value, string path, int vocabularySize, int countMax)
    {
        if (value.ValueKind != JsonValueKind.Array)
            throw JsonFields.WrongType(path, "an array of token ids", value);
        var count = value.GetArrayLength();
        if (count > countMax)
        {
            throw RequestRejectedException.Parameter(path, string.Create(CultureInfo.InvariantCulture,
                $"'{path}' can have at most {countMax} entries, but has {count}."));
        }

        var tokens = new int[count];
        var i = 0;
        foreach (var element in value.EnumerateArray())
        {
            tokens[i] = element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out var token) && token >= 0 && token < vocabularySize
                ? token
                : (int)JsonFields.AsInteger(element, $"{path}[{i}]", 0, vocabularySize - 1);
            i++;
        }

        return tokens;
    }
}
