namespace Fathom.Bpf.Maps;

/// <summary>Kinds of maps, with the kernel's numbers.</summary>
public enum MapKind
{
    /// <summary>Keys are bytes, entries come and go.</summary>
    Hash = 1,

    /// <summary>Keys are indexes of 4 bytes; every entry exists, zeroed at first.</summary>
    Array = 2,

    /// <summary>An array for each processor; a program sees its own processor's.</summary>
    PerCpuArray = 6,

    /// <summary>Records from the program to the caller, in order.</summary>
    RingBuffer = 27,
}
