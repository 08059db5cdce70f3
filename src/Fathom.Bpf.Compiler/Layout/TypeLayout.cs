using Mono.Cecil;

namespace Fathom.Bpf.Compiler.Layout;

/// <summary>Sizes and field offsets of unmanaged types, as the runtime lays them out.</summary>
internal static class TypeLayout
{
    private const int PointerBytes = 8;

    /// <summary>Bytes of a type; null when it is not unmanaged.</summary>
    public static int? SizeOf(TypeReference type) => Measure(type)?.Bytes;

    /// <summary>Where a field stands in its struct; null when the struct is not unmanaged.</summary>
    public static int? OffsetOf(FieldDefinition field)
    {
        var type = field.DeclaringType;
        if (type.IsExplicitLayout)
            return field.Offset;
        if (!type.IsSequentialLayout)
            return null;
        var offset = 0;
        foreach (var other in InstanceFields(type))
        {
            if (Measure(other.FieldType) is not (var bytes, var alignment))
                return null;
            offset = RoundUp(offset, Pack(type, alignment));
            if (other == field)
                return offset;
            offset += bytes;
        }
        return null;
    }

    private static (int Bytes, int Alignment)? Measure(TypeReference type)
    {
        if (type is IModifierType modifier)
            return Measure(modifier.ElementType);
        if (type.IsPointer || type.IsByReference)
            return (PointerBytes, PointerBytes);
        if (Primitive(type) is { } bytes)
            return (bytes, bytes);
        var definition = type.Resolve();
        if (definition is null || !definition.IsValueType || definition.HasGenericParameters)
            return null;
        if (definition.IsEnum)
            return Measure(definition.Fields.First(field => !field.IsStatic).FieldType);
        return MeasureStruct(definition);
    }

    private static (int Bytes, int Alignment)? MeasureStruct(TypeDefinition type)
    {
        var (end, alignment) = (0, 1);
        foreach (var field in InstanceFields(type))
        {
            if (Measure(field.FieldType) is not (var bytes, var fieldAlignment))
                return null;
            fieldAlignment = Pack(type, fieldAlignment);
            var offset = type.IsExplicitLayout ? field.Offset : RoundUp(end, fieldAlignment);
            end = Math.Max(end, offset + (bytes * Repeats(type)));
            alignment = Math.Max(alignment, fieldAlignment);
        }
        return (Math.Max(RoundUp(end, alignment), Math.Max(type.ClassSize, 1)), alignment);
    }

    /// <summary>The length of an inline array, else 1.</summary>
    private static int Repeats(TypeDefinition type) =>
        type.CustomAttributes.FirstOrDefault(attribute => attribute.AttributeType.Name == "InlineArrayAttribute") is { } inline ? (int)inline.ConstructorArguments[0].Value : 1;

    private static IEnumerable<FieldDefinition> InstanceFields(TypeDefinition type) => type.Fields.Where(field => !field.IsStatic);

    private static int Pack(TypeDefinition type, int alignment) => type.PackingSize > 0 ? Math.Min(type.PackingSize, alignment) : alignment;

    private static int RoundUp(int value, int alignment) => (value + alignment - 1) / alignment * alignment;

    private static int? Primitive(TypeReference type) => type.MetadataType switch
    {
        MetadataType.Boolean or MetadataType.SByte or MetadataType.Byte => 1,
        MetadataType.Char or MetadataType.Int16 or MetadataType.UInt16 => 2,
        MetadataType.Int32 or MetadataType.UInt32 => 4,
        MetadataType.Int64 or MetadataType.UInt64 or MetadataType.IntPtr or MetadataType.UIntPtr => PointerBytes,
        _ => null,
    };
}
