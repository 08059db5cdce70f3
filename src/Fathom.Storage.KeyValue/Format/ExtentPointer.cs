using System.Globalization;

namespace Fathom.Storage.KeyValue.Format;

/// <summary>An extent of the file in 64 bits: offset / 8 in the high 41, length / 8 in the low 23. 0 is none.</summary>
internal readonly record struct ExtentPointer(ulong Bits)
{
    /// <summary>Longest extent.</summary>
    public const int LengthBytesMax = ((1 << 23) - 1) * 8;

    /// <summary>No extent.</summary>
    public static readonly ExtentPointer None;

    /// <summary>Whether there is no extent.</summary>
    public bool IsNone => Bits == 0;

    /// <summary>Where it starts.</summary>
    public long OffsetBytes => (long)(Bits >> 23) << 3;

    /// <summary>How long it is.</summary>
    public int LengthBytes => (int)(Bits & 0x7FFFFF) << 3;

    /// <summary>First byte behind it.</summary>
    public long EndBytes => OffsetBytes + LengthBytes;

    /// <summary>The pointer to an extent.</summary>
    public static ExtentPointer Of(long offsetBytes, int lengthBytes)
    {
        Memory.Invariant.Check((offsetBytes & 7) == 0 && offsetBytes is > 0 and < 1L << 44);
        Memory.Invariant.Check((lengthBytes & 7) == 0 && lengthBytes is > 0 and <= LengthBytesMax);
        return new ExtentPointer(((ulong)offsetBytes >> 3 << 23) | ((ulong)lengthBytes >> 3));
    }

    /// <summary>Whether it may name a value record of a file that ends at <paramref name="fileEndBytes"/>.</summary>
    public bool IsRecord(long fileEndBytes) =>
        OffsetBytes >= StoreHeader.DataOffsetBytes && LengthBytes >= ValueRecord.HeaderBytes && EndBytes <= fileEndBytes;

    /// <summary>Whether it may name a page of that file.</summary>
    public bool IsPage(long fileEndBytes, int pageBytes) =>
        OffsetBytes >= StoreHeader.DataOffsetBytes && LengthBytes == pageBytes && (OffsetBytes & (pageBytes - 1)) == 0 && EndBytes <= fileEndBytes;

    /// <inheritdoc/>
    public override string ToString() => IsNone ? "none" : string.Create(CultureInfo.InvariantCulture, $"{OffsetBytes}+{LengthBytes}");
}
