using System.Collections.Immutable;

namespace Fathom.Bpf.Btf;

/// <summary>A member of a structure or union, a parameter of a prototype, or a variable of a section.</summary>
/// <param name="Name">Empty for anonymous ones.</param>
/// <param name="Type">Type id.</param>
/// <param name="OffsetBits">From the beginning of the structure or section.</param>
/// <param name="BitfieldBits">Width of a bit field; 0 otherwise.</param>
public readonly record struct BtfMember(string Name, int Type, long OffsetBits, int BitfieldBits);

/// <summary>A value of an enumeration.</summary>
/// <param name="Name">As in C.</param>
/// <param name="Value">Sign-extended where the enumeration is signed.</param>
public readonly record struct BtfEnumerator(string Name, long Value);

/// <summary>One type.</summary>
public sealed class BtfType
{
    /// <summary>The kind.</summary>
    public required BtfKind Kind { get; init; }

    /// <summary>The name; empty for anonymous types.</summary>
    public required string Name { get; init; }

    /// <summary>Of integers, structures, unions, enumerations, sections: bytes.</summary>
    public int SizeBytes { get; init; }

    /// <summary>Of what refers to a type (pointer, typedef, array, function, variable …): its id.</summary>
    public int Target { get; init; }

    /// <summary>Of an array: elements.</summary>
    public int Elements { get; init; }

    /// <summary>Of an integer or enumeration.</summary>
    public bool IsSigned { get; init; }

    /// <summary>Of a function or variable: 0 static, 1 global, 2 extern.</summary>
    public int Linkage { get; init; }

    /// <summary>Of structures, unions, prototypes, sections.</summary>
    public ImmutableArray<BtfMember> Members { get; init; } = [];

    /// <summary>Of enumerations.</summary>
    public ImmutableArray<BtfEnumerator> Enumerators { get; init; } = [];

    /// <summary>Structure or union.</summary>
    public bool IsComposite => Kind is BtfKind.Struct or BtfKind.Union;

    /// <summary>Enumeration of either width.</summary>
    public bool IsEnumeration => Kind is BtfKind.Enum or BtfKind.Enum64;

    /// <summary>A name for another type, or that type with a qualifier.</summary>
    public bool IsModifier => Kind is BtfKind.Typedef or BtfKind.Volatile or BtfKind.Const or BtfKind.Restrict or BtfKind.TypeTag;
}
