using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Fathom.Models.Gguf;

/// <summary>The key-value part of a GGUF file, in file order, with typed access.</summary>
/// <remarks>
/// Get throws when the key is absent; TryGet returns false then. Both throw when the key is there with a type or a range
/// that does not fit. Integers of any width and sign convert when their value fits.
/// </remarks>
public sealed class GgufMetadata
{
    private readonly Dictionary<string, GgufValue> _values = new(StringComparer.Ordinal);
    private readonly List<string> _keys = [];

    /// <summary>Starts empty metadata; <paramref name="origin"/> is what errors name as the file.</summary>
    public GgufMetadata(string origin)
    {
        ArgumentNullException.ThrowIfNull(origin);
        Origin = origin;
    }

    /// <summary>The file these values came from, for messages.</summary>
    public string Origin { get; }

    /// <summary>Keys in file order.</summary>
    public IReadOnlyList<string> Keys => _keys;

    /// <summary>Value of a key as stored.</summary>
    public GgufValue this[string key] => _values.TryGetValue(key, out GgufValue value) ? value : throw Missing(key);

    /// <summary>True when the key is present.</summary>
    public bool Contains(string key) => _values.ContainsKey(key);

    /// <summary>Adds a key or replaces its value, keeping its place.</summary>
    public void Set(string key, GgufValue value)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        if (!_values.ContainsKey(key))
            _keys.Add(key);
        _values[key] = value;
    }

    /// <summary>Adds a key or replaces its value; the GGUF type follows from the .NET type.</summary>
    public void Set<T>(string key, T value)
        where T : notnull => Set(key, GgufValue.From(value));

    /// <summary>Removes a key if present.</summary>
    public void Remove(string key)
    {
        if (_values.Remove(key))
            _keys.Remove(key);
    }

    /// <summary>String value of <paramref name="key"/>.</summary>
    public string GetString(string key) => TryGetString(key, out string? value) ? value : throw Missing(key);

    /// <summary>Integer value of <paramref name="key"/>, in the range of a 32-bit signed integer.</summary>
    public int GetInt32(string key) => TryGetInt32(key, out int value) ? value : throw Missing(key);

    /// <summary>Number (float or integer) of <paramref name="key"/>.</summary>
    public float GetSingle(string key) => TryGetSingle(key, out float value) ? value : throw Missing(key);

    /// <summary>Boolean value of <paramref name="key"/>.</summary>
    public bool GetBoolean(string key) => TryGetBoolean(key, out bool value) ? value : throw Missing(key);

    /// <summary>Array of strings of <paramref name="key"/>.</summary>
    public string[] GetStrings(string key) => TryGetStrings(key, out string[]? value) ? value : throw Missing(key);

    /// <inheritdoc cref="GetString"/>
    public bool TryGetString(string key, [NotNullWhen(true)] out string? value)
    {
        value = null;
        if (!_values.TryGetValue(key, out GgufValue found))
            return false;
        value = found.Content as string ?? throw WrongType(key, "a string", found);
        return true;
    }

    /// <inheritdoc cref="GetInt32"/>
    public bool TryGetInt32(string key, out int value)
    {
        value = 0;
        if (!_values.TryGetValue(key, out GgufValue found))
            return false;
        if (!TryInt32(found.Content, out value))
            throw WrongType(key, "an integer that fits 32 bits", found);
        return true;
    }

    /// <inheritdoc cref="GetSingle"/>
    public bool TryGetSingle(string key, out float value)
    {
        value = 0;
        if (!_values.TryGetValue(key, out GgufValue found))
            return false;
        switch (found.Content)
        {
            case float single: value = single; break;
            case double wide: value = (float)wide; break;
            default:
                if (!TryInt32(found.Content, out int integer))
                    throw WrongType(key, "a number", found);
                value = integer;
                break;
        }

        if (!float.IsFinite(value))
            throw WrongType(key, "a finite number", found);
        return true;
    }

    /// <inheritdoc cref="GetBoolean"/>
    public bool TryGetBoolean(string key, out bool value)
    {
        value = false;
        if (!_values.TryGetValue(key, out GgufValue found))
            return false;
        value = found.Content as bool? ?? throw WrongType(key, "a boolean", found);
        return true;
    }

    /// <inheritdoc cref="GetStrings"/>
    /// <remarks>The array is the stored one, not a copy.</remarks>
    public bool TryGetStrings(string key, [NotNullWhen(true)] out string[]? value)
    {
        value = null;
        if (!_values.TryGetValue(key, out GgufValue found))
            return false;
        value = found.Content as string[] ?? throw WrongType(key, "an array of strings", found);
        return true;
    }

    /// <summary>Array of single-precision numbers of <paramref name="key"/>; the stored array, not a copy.</summary>
    public bool TryGetSingles(string key, [NotNullWhen(true)] out float[]? value)
    {
        value = null;
        if (!_values.TryGetValue(key, out GgufValue found))
            return false;
        value = found.ElementType == GgufValueType.Float32 ? found.Content as float[] : null;
        if (value is null)
            throw WrongType(key, "an array of f32", found);
        return true;
    }

    /// <summary>Array of integers of any width of <paramref name="key"/>, each in the range of a 32-bit signed integer.</summary>
    public bool TryGetInt32s(string key, [NotNullWhen(true)] out int[]? value)
    {
        value = null;
        if (!_values.TryGetValue(key, out GgufValue found))
            return false;
        // uint[] would pass a plain `as int[]`: the runtime treats the two as compatible.
        if (found.ElementType == GgufValueType.Int32 && found.Content is int[] stored)
        {
            value = stored;
            return true;
        }

        if (found.Content is not Array array)
            throw WrongType(key, "an array of integers", found);
        value = new int[array.Length];
        for (int i = 0; i < array.Length; i++)
        {
            if (!TryInt32(array.GetValue(i)!, out value[i]))
                throw WrongType(key, $"an array of integers that fit 32 bits (element {i})", found);
        }

        return true;
    }

    /// <summary>Array of booleans of <paramref name="key"/>; the stored array, not a copy.</summary>
    public bool TryGetBooleans(string key, [NotNullWhen(true)] out bool[]? value)
    {
        value = null;
        if (!_values.TryGetValue(key, out GgufValue found))
            return false;
        value = found.Content as bool[] ?? throw WrongType(key, "an array of booleans", found);
        return true;
    }

    private static bool TryInt32(object content, out int value)
    {
        long wide;
        switch (content)
        {
            case byte v: wide = v; break;
            case sbyte v: wide = v; break;
            case ushort v: wide = v; break;
            case short v: wide = v; break;
            case uint v: wide = v; break;
            case int v: wide = v; break;
            case ulong v: wide = v <= int.MaxValue ? (long)v : long.MaxValue; break;
            case long v: wide = v; break;
            default: value = 0; return false;
        }

        value = unchecked((int)wide);
        return wide == value;
    }

    private GgufFormatException Missing(string key) => new(Origin, key, "required metadata key is absent");

    private GgufFormatException WrongType(string key, string wanted, GgufValue found)
    {
        string shown = found.Type == GgufValueType.Array
            ? $"array of {found.Count} {found.ElementType}"
            : $"{found.Type} {Convert.ToString(found.Content, CultureInfo.InvariantCulture)}";
        return new GgufFormatException(Origin, key, $"must be {wanted}, is {shown}");
    }
}
