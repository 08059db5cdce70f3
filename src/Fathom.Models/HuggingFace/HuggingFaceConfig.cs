using System.Globalization;
using System.Text.Json;

namespace Fathom.Models.HuggingFace;

/// <summary>One JSON object of a Hugging Face folder with typed, range-checked access. A null value counts as absent.</summary>
internal sealed class HuggingFaceConfig
{
    private const int FileBytesMax = 16 << 20;

    private readonly JsonElement _object;
    private readonly JsonElement _defaults;
    private readonly string _prefix;

    private HuggingFaceConfig(string origin, JsonElement element, string prefix, JsonElement defaults = default)
    {
        Origin = origin;
        _object = element;
        _prefix = prefix;
        _defaults = defaults;
    }

    /// <summary>The file, for messages.</summary>
    public string Origin { get; }

    /// <summary>Reads a file that must be there.</summary>
    public static HuggingFaceConfig Read(string path) =>
        File.Exists(path) ? ReadExisting(path) : throw new HuggingFaceFormatException(path, "file", "is not there");

    /// <summary>Reads a file that may be absent.</summary>
    public static HuggingFaceConfig? ReadOptional(string path) => File.Exists(path) ? ReadExisting(path) : null;

    /// <summary>Parses the bytes of a file.</summary>
    internal static HuggingFaceConfig Parse(ReadOnlyMemory<byte> utf8, string origin)
    {
        using JsonDocument document = StrictJson.Parse(utf8, out string problem, out Exception? cause)
            ?? throw new HuggingFaceFormatException(origin, "file", problem, cause);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            throw new HuggingFaceFormatException(origin, "file", $"is a JSON {document.RootElement.ValueKind}, not an object");
        return new HuggingFaceConfig(origin, document.RootElement.Clone(), string.Empty);
    }

    /// <summary>The same values, with those of <paramref name="json"/> (an object) where one is absent.</summary>
    public HuggingFaceConfig WithDefaults(string json)
    {
        using JsonDocument defaults = JsonDocument.Parse(json);
        return new HuggingFaceConfig(Origin, _object, _prefix, defaults.RootElement.Clone());
    }

    public bool Has(string name) => TryGet(name, out _);

    public HuggingFaceConfig? Object(string name)
    {
        if (!TryGet(name, out JsonElement value))
            return null;
        return value.ValueKind == JsonValueKind.Object
            ? new HuggingFaceConfig(Origin, value, $"{_prefix}{name}.")
            : throw Wrong(name, "an object", value);
    }

    public int Int(string name, int min, int max, int? absent = null)
    {
        if (!TryGet(name, out JsonElement value))
            return absent ?? throw Missing(name);
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out int number) || number < min || number > max)
            throw Wrong(name, $"an integer from {min} to {max}", value);
        return number;
    }

    public float Float(string name, float min, float max, float? absent = null)
    {
        if (!TryGet(name, out JsonElement value))
            return absent ?? throw Missing(name);
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetSingle(out float number) || !(number >= min && number <= max))
            throw Wrong(name, string.Create(CultureInfo.InvariantCulture, $"a number from {min} to {max}"), value);
        return number;
    }

    public bool Boolean(string name, bool absent)
    {
        if (!TryGet(name, out JsonElement value))
            return absent;
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(name, "true or false", value);
    }

    public string? Text(string name)
    {
        if (!TryGet(name, out JsonElement value))
            return null;
        return value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(name, "a string", value);
    }

    /// <summary>An array of strings, or null when absent.</summary>
    public IReadOnlyList<string>? Texts(string name)
    {
        if (!TryGet(name, out JsonElement value))
            return null;
        if (value.ValueKind != JsonValueKind.Array)
            throw Wrong(name, "an array of strings", value);
        var texts = new List<string>();
        foreach (JsonElement item in value.EnumerateArray())
            texts.Add(item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Wrong(name, "an array of strings", item));
        return texts;
    }

    /// <summary>An array of positive numbers, or null when absent.</summary>
    public IReadOnlyList<float>? PositiveNumbers(string name, int count)
    {
        if (!TryGet(name, out JsonElement value))
            return null;
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() != count)
            throw Wrong(name, $"an array of {count} positive numbers", value);
        var numbers = new float[count];
        for (int i = 0; i < count; i++)
        {
            JsonElement item = value[i];
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetSingle(out numbers[i]) || !(numbers[i] > 0) || !float.IsFinite(numbers[i]))
                throw Wrong(name, $"an array of {count} positive numbers", item);
        }

        return numbers;
    }

    /// <summary>The value as it stands, for readers that accept several shapes.</summary>
    public bool TryGet(string name, out JsonElement value) =>
        (_object.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null)
        || (_defaults.ValueKind == JsonValueKind.Object && _defaults.TryGetProperty(name, out value));

    public UnsupportedModelException Unsupported(string name, string problem) => new(Origin, _prefix + name, problem);

    public HuggingFaceFormatException Missing(string name) => new(Origin, _prefix + name, "required value is absent");

    private static HuggingFaceConfig ReadExisting(string path)
    {
        long length = new FileInfo(path).Length;
        if (length > FileBytesMax)
            throw new HuggingFaceFormatException(path, "file", $"has {length} bytes; at most {FileBytesMax} are read");
        return Parse(File.ReadAllBytes(path), path);
    }

    private HuggingFaceFormatException Wrong(string name, string wanted, JsonElement found) =>
        new(Origin, _prefix + name, $"must be {wanted}, is {found.GetRawText()}");
}
