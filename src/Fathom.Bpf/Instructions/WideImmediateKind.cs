namespace Fathom.Bpf.Instructions;

/// <summary>The source register's field of a 64-bit immediate load.</summary>
/// <remarks>
/// Source: RFC 9669, section 5.4. A <see cref="BpfProgram"/> that can run holds only <see cref="Constant"/>, <see cref="Map"/>,
/// <see cref="MapValue"/> and <see cref="Code"/>: a loader turns the others into these.
/// </remarks>
public enum WideImmediateKind : byte
{
    /// <summary>dst = (next immediate &lt;&lt; 32) | immediate.</summary>
    Constant = 0,

    /// <summary>A map by its file descriptor; the form the kernel takes.</summary>
    MapByDescriptor = 1,

    /// <summary>The first value of a map by file descriptor, plus the next immediate.</summary>
    MapValueByDescriptor = 2,

    /// <summary>A variable of the platform.</summary>
    Variable = 3,

    /// <summary>A subprogram, as an argument of a helper that calls back; the immediate is the distance from the next instruction.</summary>
    Code = 4,

    /// <summary>The map at index immediate of <see cref="BpfProgram.Maps"/>.</summary>
    Map = 5,

    /// <summary>The address of the first value of the map at that index, plus the next immediate.</summary>
    MapValue = 6,
}
