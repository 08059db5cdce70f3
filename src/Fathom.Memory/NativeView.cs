using System.Runtime.CompilerServices;

namespace Fathom.Memory;

/// <summary>A range of native memory that somebody else owns; may be longer than 2 GiB.</summary>
/// <remarks>
/// The view does not keep its owner alive: whoever hands it out says how long it lasts. Every slice and span is bounds
/// checked with arithmetic that cannot wrap; only <see cref="Pointer"/> is not.
/// </remarks>
public readonly unsafe struct NativeView
{
    private readonly byte* _pointer;
    private readonly long _length;

    /// <summary>Wraps <paramref name="length"/> bytes at <paramref name="pointer"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative.</exception>
    public NativeView(byte* pointer, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _pointer = pointer;
        _length = length;
    }

    /// <summary>First byte; null only for an empty view.</summary>
    public byte* Pointer => _pointer;

    /// <summary>Length in bytes.</summary>
    public long Length => _length;

    /// <summary>The <paramref name="lengthBytes"/> bytes from <paramref name="offsetBytes"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the view.</exception>
    public NativeView Slice(long offsetBytes, long lengthBytes)
    {
        // Two unsigned compares: the second cannot wrap because the first bounds the offset.
        if ((ulong)offsetBytes > (ulong)_length || (ulong)lengthBytes > (ulong)(_length - offsetBytes))
            ThrowOutOfRange(offsetBytes, lengthBytes);
        return new NativeView(_pointer + offsetBytes, lengthBytes);
    }

    /// <summary>The whole view as values of <typeparamref name="T"/>; a remainder shorter than one value is left out.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More values than a span can hold.</exception>
    public Span<T> AsSpan<T>() where T : unmanaged
    {
        var count = _length / Unsafe.SizeOf<T>();
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, int.MaxValue);
        // SAFETY: count whole values fit into _length bytes; lifetime is the owner's, see the type's remarks.
        return new Span<T>(_pointer, (int)count);
    }

    private void ThrowOutOfRange(long offsetBytes, long lengthBytes) =>
        throw new ArgumentOutOfRangeException(
            nameof(offsetBytes), $"{lengthBytes} bytes at offset {offsetBytes} are not inside a view of {_length} bytes.");
}
