using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;

namespace Fathom.Server.Http;

/// <summary>Turns the bytes of a request body into a JSON object that is safe to read, or refuses with the position of the fault.</summary>
internal static class JsonBody
{
    private const int DepthMax = 64;

    /// <summary>Parses one JSON object. The caller disposes the document; it refers to <paramref name="utf8"/>.</summary>
    /// <exception cref="RequestRejectedException">Not UTF-8, not JSON, or not an object.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> utf8)
    {
        if (utf8.IsEmpty)
            throw Malformed("The request body is empty; a JSON object is needed.");

        RefuseInvalidUtf8(utf8.Span);
        try
        {
            RefuseLoneSurrogates(utf8.Span);
            var document = JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = DepthMax });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return document;
            document.Dispose();
        }
        catch (JsonException e)
        {
            throw Malformed(string.Create(CultureInfo.InvariantCulture,
                $"The request body is not valid JSON: fault at line {(e.LineNumber ?? 0) + 1}, byte {(e.BytePositionInLine ?? 0) + 1}."));
        }

        throw Malformed("The request body must be a JSON object.");
    }

    private static void RefuseInvalidUtf8(ReadOnlySpan<byte> utf8)
    {
        if (Utf8.IsValid(utf8))
            return;

        var offset = 0;
        while (System.Text.Rune.DecodeFromUtf8(utf8[offset..], out _, out var consumed) == OperationStatus.Done)
            offset += consumed;
        throw Malformed(string.Create(CultureInfo.InvariantCulture, $"The request body is not valid UTF-8: fault at byte {offset + 1}."));
    }

    /// <summary>
    /// JsonElement reads strings lazily and throws InvalidOperationException for an escaped lone surrogate wherever the
    /// string is first touched, property names included. Refusing them here keeps every later read total.
    /// </summary>
    private static void RefuseLoneSurrogates(ReadOnlySpan<byte> utf8)
    {
        if (utf8.IndexOf("\\ud"u8) < 0 && utf8.IndexOf("\\uD"u8) < 0)
            return;

        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = DepthMax });
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName) || !reader.ValueIsEscaped)
                continue;
            if (HasLoneSurrogate(reader.ValueSpan))
                throw Malformed(string.Create(CultureInfo.InvariantCulture,
                    $"The request body has a \\u escape that is half a surrogate pair, in the string at byte {reader.TokenStartIndex + 1}."));
        }
    }

    private static bool HasLoneSurrogate(ReadOnlySpan<byte> escaped)
    {
        var highPending = false;
        for (var i = 0; i < escaped.Length;)
        {
            var unit = -1;
            if (escaped[i] != '\\')
            {
                i++;
            }
            else if (escaped[i + 1] != 'u')
            {
                i += 2;
            }
            else
            {
                unit = int.Parse(escaped.Slice(i + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                i += 6;
            }

            var low = unit is >= 0xDC00 and <= 0xDFFF;
            if (low != highPending)
                return true;
            highPending = unit is >= 0xD800 and <= 0xDBFF;
        }

        return highPending;
    }

    private static RequestRejectedException Malformed(string message) => new(ApiError.MalformedBody(message));
}
