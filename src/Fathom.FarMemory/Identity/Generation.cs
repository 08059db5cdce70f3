namespace Fathom.FarMemory.Identity;

/// <summary>
/// Order of the writes of one pool. A node keeps the latest generation of every granule and refuses an older one, so a write
/// that the network held back can never overwrite what was placed there since.
/// </summary>
public readonly record struct Generation(ulong Value) : IComparable<Generation>
{
    /// <inheritdoc/>
    public int CompareTo(Generation other) => Value.CompareTo(other.Value);

    /// <summary>Issued earlier.</summary>
    public static bool operator <(Generation left, Generation right) => left.Value < right.Value;

    /// <summary>Issued later.</summary>
    public static bool operator >(Generation left, Generation right) => left.Value > right.Value;

    /// <summary>Issued earlier, or the same.</summary>
    public static bool operator <=(Generation left, Generation right) => left.Value <= right.Value;

    /// <summary>Issued later, or the same.</summary>
    public static bool operator >=(Generation left, Generation right) => left.Value >= right.Value;
}
