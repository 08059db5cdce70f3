namespace Fathom.Bpf.Maps;

/// <summary>When an update may happen; the kernel's flags.</summary>
public enum MapUpdate : ulong
{
    /// <summary>Make the entry or change it.</summary>
    Any = 0,

    /// <summary>Make it; it must not exist.</summary>
    NoExist = 1,

    /// <summary>Change it; it must exist.</summary>
    Exist = 2,
}
