namespace Fathom.Bpf.Verification;

/// <summary>What a field of the context holds.</summary>
public enum ContextFieldKind
{
    /// <summary>A number that a program may read.</summary>
    ReadOnly,

    /// <summary>A number that a program may read and write.</summary>
    ReadWrite,

    /// <summary>The address where the packet begins.</summary>
    Data,

    /// <summary>The address after the packet's last byte.</summary>
    DataEnd,

    /// <summary>The address where the memory before the packet begins; it reaches up to <see cref="Data"/>.</summary>
    DataMeta,
}

/// <summary>A field, or an array of equal numbers, of a context structure.</summary>
/// <param name="Name">As in C.</param>
/// <param name="Kind">Number or pointer.</param>
/// <param name="OffsetBytes">From the structure's beginning.</param>
/// <param name="ElementBytes">1, 2, 4 or 8. Numbers may be read in narrower aligned pieces.</param>
/// <param name="Elements">1, or the length of an array.</param>
public readonly record struct ContextField(string Name, ContextFieldKind Kind, int OffsetBytes, int ElementBytes, int Elements = 1)
{
    /// <summary>Bytes of the whole field.</summary>
    public int Bytes => ElementBytes * Elements;
}
