namespace Fathom.Models.Gguf;

/// <summary>One metadata value: a scalar, a string, or a one-dimensional array of either.</summary>
public readonly struct GgufValue
{
    private GgufValue(GgufValueType type, GgufValueType elementType, object content)
    {
        Type = type;
        ElementType = elementType;
        Content = content;
    }

    /// <summary>Type of the value.</summary>
    public GgufValueType Type { get; }

    /// <summary>Type of an array's elements; the same as <see cref="Type"/> for anything else.</summary>
    public GgufValueType ElementType { get; }

    /// <summary>The boxed scalar, the string, or the typed array (byte[], ..., string[]).</summary>
    public object Content { get; }

    /// <summary>Elements of an array; 1 for anything else.</summary>
    public int Count => Content is Array array ? array.Length : 1;

    /// <summary>Wraps a scalar, a string or an array of them; the GGUF type follows from the .NET type.</summary>
    /// <exception cref="ArgumentException">GGUF has no type for it.</exception>
    public static GgufValue From<T>(T content)
        where T : notnull
    {
        if (content is Array)
        {
            Type element = content.GetType().GetElementType()!;
            return new GgufValue(GgufValueType.Array, TypeOf(element), content);
        }

        GgufValueType type = TypeOf(content.GetType());
        return new GgufValue(type, type, content);
    }

    private static GgufValueType TypeOf(Type type) =>
        type == typeof(string) ? GgufValueType.String
        : type == typeof(bool) ? GgufValueType.Bool
        : type == typeof(float) ? GgufValueType.Float32
        : type == typeof(double) ? GgufValueType.Float64
        : type == typeof(uint) ? GgufValueType.UInt32
        : type == typeof(int) ? GgufValueType.Int32
        : type == typeof(ulong) ? GgufValueType.UInt64
        : type == typeof(long) ? GgufValueType.Int64
        : type == typeof(byte) ? GgufValueType.UInt8
        : type == typeof(sbyte) ? GgufValueType.Int8
        : type == typeof(ushort) ? GgufValueType.UInt16
        : type == typeof(short) ? GgufValueType.Int16
        : throw new ArgumentException($"GGUF has no value type for {type.Name}", nameof(type));
}
