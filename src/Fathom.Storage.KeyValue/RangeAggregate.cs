namespace Fathom.Storage.KeyValue;

/// <summary>COUNT, SUM, MIN and MAX of the values in a range, each taken by its first 8 bytes as a little-endian signed number.</summary>
/// <param name="Count">Values.</param>
/// <param name="Sum">Their sum, exact.</param>
/// <param name="Min">The smallest; <see cref="long.MaxValue"/> of none.</param>
/// <param name="Max">The largest; <see cref="long.MinValue"/> of none.</param>
public readonly record struct RangeAggregate(long Count, Int128 Sum, long Min, long Max)
{
    /// <summary>Of no values.</summary>
    public static readonly RangeAggregate Empty = new(0, 0, long.MaxValue, long.MinValue);

    /// <summary>With one value more.</summary>
    public RangeAggregate With(long value) => new(Count + 1, Sum + value, Math.Min(Min, value), Math.Max(Max, value));
}
