namespace Fathom.Storage.KeyValue.Format;

/// <summary>Which keys a store takes; the number is what the file says.</summary>
public enum KeyKind
{
    /// <summary>1 to 512 bytes, in pages of 4 KiB to 64 KiB.</summary>
    Variable = 0,

    /// <summary>Exactly 8 bytes, in pages of 512 bytes with 31 entries, as in the paper.</summary>
    Fixed = 8,
}
