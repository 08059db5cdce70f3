namespace Fathom.Bpf.Instructions;

/// <summary>The immediate of an atomic instruction.</summary>
/// <remarks>Source: RFC 9669, section 5.3; load-acquire and store-release as in Linux 6.15.</remarks>
public enum AtomicOperation
{
    /// <summary>*(dst + offset) += src.</summary>
    Add = 0x00,

    /// <summary>*(dst + offset) |= src.</summary>
    Or = 0x40,

    /// <summary>*(dst + offset) &amp;= src.</summary>
    And = 0x50,

    /// <summary>*(dst + offset) ^= src.</summary>
    Xor = 0xa0,

    /// <summary>Flag: src gets the old value. Always set in <see cref="Exchange"/> and <see cref="CompareExchange"/>.</summary>
    Fetch = 0x01,

    /// <summary>src and *(dst + offset) change places.</summary>
    Exchange = 0xe1,

    /// <summary>If *(dst + offset) == R0 it becomes src; R0 gets the old value.</summary>
    CompareExchange = 0xf1,

    /// <summary>dst = *(src + offset), acquire order.</summary>
    LoadAcquire = 0x100,

    /// <summary>*(dst + offset) = src, release order.</summary>
    StoreRelease = 0x110,
}
