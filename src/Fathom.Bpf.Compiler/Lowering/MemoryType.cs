using Fathom.Bpf.Instructions;
using Mono.Cecil;

namespace Fathom.Bpf.Compiler.Lowering;

/// <summary>A number in memory.</summary>
/// <param name="Size">Its size.</param>
/// <param name="IsSigned">Loads sign-extend.</param>
internal readonly record struct MemoryType(AccessSize Size, bool IsSigned)
{
    public bool IsWide => Size == AccessSize.DoubleWord;

    /// <summary>The number that a type is in memory; null when it is none.</summary>
    public static MemoryType? Of(TypeReference type)
    {
        if (type is IModifierType modifier)
            return Of(modifier.ElementType);
        if (type.IsPointer || type.IsByReference)
            return new(AccessSize.DoubleWord, false);
        switch (type.MetadataType)
        {
            case MetadataType.Boolean or MetadataType.Byte:
                return new(AccessSize.Byte, false);
            case MetadataType.SByte:
                return new(AccessSize.Byte, true);
            case MetadataType.Char or MetadataType.UInt16:
                return new(AccessSize.Half, false);
            case MetadataType.Int16:
                return new(AccessSize.Half, true);
            case MetadataType.Int32 or MetadataType.UInt32:
                return new(AccessSize.Word, false);
            case MetadataType.Int64 or MetadataType.UInt64 or MetadataType.IntPtr or MetadataType.UIntPtr:
                return new(AccessSize.DoubleWord, false);
        }
        var definition = type.Resolve();
        return definition is { IsEnum: true } ? Of(definition.Fields.First(field => !field.IsStatic).FieldType) : null;
    }
}
