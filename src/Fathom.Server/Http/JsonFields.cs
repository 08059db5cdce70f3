using System.Globalization;
using System.Text.Json;

namespace Fathom.Server.Http;

/// <summary>
/// Reads the fields of one JSON object with types and ranges checked; every refusal names the field by its full path.
/// A field that is null counts as absent. The body has passed <see cref="JsonBody"/>.
/// </summary>
internal readonly struct JsonFields
{
    private readonly JsonElement _object;
    private readonly string _path;

    /// <param name="element">The object.</param>
    /// <param name="path">Path of the object in the body; empty for the root.</param>
    /// <exception cref="RequestRejectedException">Not an object.</exception>
    public JsonFields(JsonElement element, string path = "")
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw WrongType(path, "an object", element);
        _object = element;
        _path = path;
    }

    public JsonElement Object => _object;

    public string PathOf(string name) => _path.Length == 0 ? name : $"{_path}.{name}";

    public bool TryGet(string name, out JsonElement value) =>
        _object.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null;

    public JsonElement Required(string name) =>
        TryGet(name, out var value) ? value : throw new RequestRejectedException(ApiError.Missing(PathOf(name)));

    public string? Text(string name) =>
        TryGet(name, out var value) ? AsText(value, PathOf(name)) : null;

    public string RequiredText(string name) => AsText(Required(name), PathOf(name));

    public bool? Boolean(string name)
    {
        if (!TryGet(name, out var value))
            return null;
        return value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw WrongType(PathOf(name), "a boolean", value),
        };
    }

    public int? Int32(string name, int min, int max) =>
        TryGet(name, out var value) ? (int)AsInteger(value, PathOf(name), min, max) : null;

    public long? Int64(string name) =>
        TryGet(name, out var value) ? AsInteger(value, PathOf(name), long.MinValue, long.MaxValue) : null;

    public double? Number(string name, double min, double max) =>
        TryGet(name, out var value) ? AsNumber(value, PathOf(name), min, max) : null;

    public static string AsText(JsonElement value, string path) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw WrongType(path, "a string", value);

    /// <summary>Reads an integer; a number such as <c>3.0</c> is one, as for the other OpenAI-compatible servers.</summary>
    public static long AsInteger(JsonElement value, string path, long min, long max)
    {
        if (value.ValueKind != JsonValueKind.Number)
            throw WrongType(path, "an integer", value);
        if (!value.TryGetInt64(out var integer))
        {
            // Past 2^53 a double no longer says which integer was meant.
            const double exactMax = 9007199254740992;
            if (!value.TryGetDouble(out var real) || real != Math.Floor(real))
                throw WrongType(path, "an integer", value);
            if (Math.Abs(real) > exactMax)
                throw OutOfRange(path, value, min, max);
            integer = (long)real;
        }

        return integer >= min && integer <= max ? integer : throw OutOfRange(path, value, min, max);
    }

    public static double AsNumber(JsonElement value, string path, double min, double max)
    {
        if (value.ValueKind != JsonValueKind.Number)
            throw WrongType(path, "a number", value);
        return value.TryGetDouble(out var real) && real >= min && real <= max ? real : throw OutOfRange(path, value, min, max);
    }

    public static RequestRejectedException WrongType(string path, string expected, JsonElement value) =>
        RequestRejectedException.Parameter(path,
            path.Length == 0 ? $"The request body must be {expected}." : $"'{path}' must be {expected}, but is {Describe(value)}.",
            "invalid_type");

    private static RequestRejectedException OutOfRange<T>(string path, JsonElement value, T min, T max) where T : IFormattable =>
        RequestRejectedException.Parameter(path,
            string.Create(CultureInfo.InvariantCulture, $"'{path}' must be between {min} and {max}, but is {ApiError.Excerpt(value.GetRawText())}."),
            "out_of_range");

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => "an array",
        JsonValueKind.Object => "an object",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => $"the number {ApiError.Excerpt(value.GetRawText())}",
        JsonValueKind.True or JsonValueKind.False => "a boolean",
        _ => "null",
    };
}
