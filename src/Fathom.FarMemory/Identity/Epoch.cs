namespace Fathom.FarMemory.Identity;

/// <summary>Fencing token: whoever holds an older one than its counterpart has seen is refused, not obeyed.</summary>
public readonly record struct Epoch(ulong Value) : IComparable<Epoch>
{
    /// <summary>The epoch after this one.</summary>
    public Epoch Next => new(Value + 1);

    /// <inheritdoc/>
    public int CompareTo(Epoch other) => Value.CompareTo(other.Value);

    /// <summary>Granted earlier.</summary>
    public static bool operator <(Epoch left, Epoch right) => left.Value < right.Value;

    /// <summary>Granted later.</summary>
    public static bool operator >(Epoch left, Epoch right) => left.Value > right.Value;

    /// <summary>Granted earlier, or the same.</summary>
    public static bool operator <=(Epoch left, Epoch right) => left.Value <= right.Value;

    /// <summary>Granted later, or the same.</summary>
    public static bool operator >=(Epoch left, Epoch right) => left.Value >= right.Value;
}
