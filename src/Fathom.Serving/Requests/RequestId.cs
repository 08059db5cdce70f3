namespace Fathom.Serving.Requests;

/// <summary>Names one client request for the life of an engine; ids grow in order of arrival.</summary>
/// <param name="Value">Ordinal of the request, from 1.</param>
public readonly record struct RequestId(long Value) : IComparable<RequestId>
{
    /// <inheritdoc/>
    public int CompareTo(RequestId other) => Value.CompareTo(other.Value);

    /// <summary>Earlier arrival.</summary>
    public static bool operator <(RequestId left, RequestId right) => left.Value < right.Value;

    /// <summary>Later arrival.</summary>
    public static bool operator >(RequestId left, RequestId right) => left.Value > right.Value;

    /// <summary>Earlier arrival, or the same request.</summary>
    public static bool operator <=(RequestId left, RequestId right) => left.Value <= right.Value;

    /// <summary>Later arrival, or the same request.</summary>
    public static bool operator >=(RequestId left, RequestId right) => left.Value >= right.Value;
}
