using System.Text.Json;

namespace Fathom.Models.Tokenization.TokenizerJson;

/// <summary>A value in a JSON file together with where it stands, so that every complaint names file, field and value.</summary>
internal readonly struct JsonField(JsonElement element, string path, string origin)
{
    /// <summary>The value itself.</summary>
    public JsonElement Element => element;

    /// <summary>Where it stands, such as <c>model.vocab</c>.</summary>
    public string Path => path;

    public bool IsObject => element.ValueKind == JsonValueKind.Object;

    public bool IsArray => element.ValueKind == JsonValueKind.Array;

    public bool IsText => element.ValueKind == JsonValueKind.String;

    public TokenizerFormatException Bad(string problem) => new(origin, path.Length == 0 ? "(root)" : path, problem);

    /// <summary>A complaint about a member that is not there as a field of its own.</summary>
    public TokenizerFormatException Bad(string member, string problem) => new(origin, Join(member), problem);

    /// <summary>A member, or null when it is absent or JSON's null.</summary>
    public JsonField? Find(string name)
    {
        if (!IsObject)
            throw Mistyped("an object");
        // By hand: TryGetProperty throws on a name that holds half a surrogate pair.
        JsonField? found = null;
        foreach (var member in element.EnumerateObject())
        {
            if (NameEquals(member, name))
                found = member.Value.ValueKind == JsonValueKind.Null ? null : new JsonField(member.Value, Join(name), origin);
        }

        return found;
    }

    public JsonField Need(string name) => Find(name) ?? throw Bad(name, "is absent");

    public string Text()
    {
        if (!IsText)
            throw Mistyped("a string");
        return TextOf(element);
    }

    public bool Flag() => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Mistyped("true or false"),
    };

    /// <summary>A whole number from 0 to a bound.</summary>
    public int Whole(int max)
    {
        if (element.ValueKind != JsonValueKind.Number || !element.TryGetInt32(out var value) || value < 0 || value > max)
            throw Mistyped($"a whole number from 0 to {max}");
        return value;
    }

    public double Number()
    {
        if (element.ValueKind != JsonValueKind.Number || !element.TryGetDouble(out var value) || !double.IsFinite(value))
            throw Mistyped("a finite number");
        return value;
    }

    public List<JsonField> Items()
    {
        if (!IsArray)
            throw Mistyped("an array");
        var items = new List<JsonField>(element.GetArrayLength());
        foreach (var item in element.EnumerateArray())
            items.Add(new JsonField(item, $"{path}[{items.Count}]", origin));
        return items;
    }

    /// <summary>Members in file order. The path of a member is only made when asked for: vocabularies have hundreds of thousands.</summary>
    public IEnumerable<(string Name, JsonElement Value)> Members()
    {
        if (!IsObject)
            throw Mistyped("an object");
        foreach (var member in element.EnumerateObject())
            yield return (NameOf(member), member.Value);
    }

    public JsonField Member(string name, JsonElement value) => new(value, Join(name), origin);

    /// <summary>A string element of this field.</summary>
    public string TextOf(JsonElement value)
    {
        try
        {
            return value.GetString() ?? "";
        }
        catch (InvalidOperationException invalid)
        {
            throw new TokenizerFormatException(origin, path, "holds a string with half a surrogate pair", invalid);
        }
    }

    public TokenizerFormatException Mistyped(string wanted) => Bad($"must be {wanted}, is {Show()}");

    private string NameOf(JsonProperty member)
    {
        try
        {
            return member.Name;
        }
        catch (InvalidOperationException invalid)
        {
            throw new TokenizerFormatException(origin, path, "has a member whose name holds half a surrogate pair", invalid);
        }
    }

    private bool NameEquals(JsonProperty member, string name) => NameOf(member) == name;

    private string Show()
    {
        var raw = element.ValueKind is JsonValueKind.Object or JsonValueKind.Array
            ? $"an {element.ValueKind.ToString().ToLowerInvariant()}"
            : element.GetRawText();
        return raw.Length <= 60 ? raw : raw[..60] + "…";
    }

    private string Join(string name) => path.Length == 0 ? name : $"{path}.{name}";
}
