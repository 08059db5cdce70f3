using Mono.Cecil;

namespace Fathom.Bpf.Compiler.Lowering;

/// <summary>The evaluation stack's view of types.</summary>
internal static class StackType
{
    /// <summary>True for 64 bits (long, native int, pointer, reference), false for 32, null for what is no number or address.</summary>
    public static bool? Of(TypeReference type)
    {
        if (type is IModifierType modifier)
            return Of(modifier.ElementType);
        if (type.IsPointer || type.IsByReference || type is PinnedType)
            return true;
        switch (type.MetadataType)
        {
            case MetadataType.Boolean or MetadataType.SByte or MetadataType.Byte or MetadataType.Char or MetadataType.Int16 or MetadataType.UInt16
                or MetadataType.Int32 or MetadataType.UInt32:
                return false;
            case MetadataType.Int64 or MetadataType.UInt64 or MetadataType.IntPtr or MetadataType.UIntPtr:
                return true;
        }
        var definition = type.Resolve();
        return definition is { IsEnum: true } ? Of(definition.Fields.First(field => !field.IsStatic).FieldType) : null;
    }
}
