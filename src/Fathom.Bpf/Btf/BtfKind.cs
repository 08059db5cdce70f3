namespace Fathom.Bpf.Btf;

/// <summary>Kinds of types, with the numbers of the format.</summary>
public enum BtfKind
{
    /// <summary>No type; only of id 0.</summary>
    Void = 0,

    /// <summary>Integer.</summary>
    Int = 1,

    /// <summary>Pointer.</summary>
    Pointer = 2,

    /// <summary>Array.</summary>
    Array = 3,

    /// <summary>Structure.</summary>
    Struct = 4,

    /// <summary>Union.</summary>
    Union = 5,

    /// <summary>Enumeration of 32-bit values.</summary>
    Enum = 6,

    /// <summary>Forward declaration.</summary>
    Forward = 7,

    /// <summary>Another name.</summary>
    Typedef = 8,

    /// <summary>volatile.</summary>
    Volatile = 9,

    /// <summary>const.</summary>
    Const = 10,

    /// <summary>restrict.</summary>
    Restrict = 11,

    /// <summary>Function.</summary>
    Function = 12,

    /// <summary>Function prototype.</summary>
    Prototype = 13,

    /// <summary>Variable.</summary>
    Variable = 14,

    /// <summary>Section of variables.</summary>
    DataSection = 15,

    /// <summary>Floating point.</summary>
    Float = 16,

    /// <summary>Attribute of a declaration.</summary>
    DeclarationTag = 17,

    /// <summary>Attribute of a type.</summary>
    TypeTag = 18,

    /// <summary>Enumeration of 64-bit values.</summary>
    Enum64 = 19,
}
