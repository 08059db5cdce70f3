using System.Numerics;

namespace Fathom.FarMemory.Heap;

/// <summary>One size class: what its objects and its spans measure.</summary>
/// <param name="ObjectBytes">Room of one object.</param>
/// <param name="Pages">Pages of 8 KiB in a span.</param>
/// <param name="Objects">Objects in a span.</param>
internal readonly record struct SizeClass(int ObjectBytes, int Pages, int Objects);

/// <summary>The table of size classes, and spans of large objects.</summary>
/// <remarks>
/// Sizes: steps of 8 bytes up to 128, then eight steps to each doubling up to 4 KiB, then four up to 256 KiB: at most an eighth
/// (above 4 KiB a fifth) of an object's room lies idle. Spans: the fewest pages that leave at most an eighth of the span outside of
/// objects. A span ends in a table of reverse pointers, 8 bytes for each object, that travels with it.
/// </remarks>
internal static class SizeClasses
{
    public const int PageBytes = 1 << PageShift;
    public const int PageShift = 13;

    /// <summary>Largest object of a size class; a larger one has a span to itself.</summary>
    public const int ObjectBytesMax = 256 << 10;

    /// <summary>Bytes of a reverse pointer.</summary>
    public const int ReverseBytes = 8;

    private const int LinearMax = 128;
    private const int FineMax = 4096;

    private static readonly SizeClass[] Table = Build();

    // Class of every size in steps of 8 up to 4 KiB: the common look-up is one load.
    private static readonly byte[] SmallLookup = BuildSmallLookup();

    /// <summary>Number of classes.</summary>
    public static int Count => Table.Length;

    public static SizeClass Get(int sizeClass) => Table[sizeClass];

    /// <summary>The smallest class with room for <paramref name="bytes"/>, or -1 when only a span of its own has.</summary>
    public static int ClassFor(int bytes)
    {
        if (bytes <= FineMax)
            return SmallLookup[(bytes + 7) >> 3];
        if (bytes > ObjectBytesMax)
            return -1;
        // Four classes to a doubling: the two bits below the highest one, of bytes - 1, number them.
        var shift = BitOperations.Log2((uint)(bytes - 1));
        return SmallLookup[FineMax >> 3] + 1 + (shift - 12) * 4 + ((bytes - 1) >> (shift - 2) & 3);
    }

    /// <summary>Shape of a span that holds one object of <paramref name="bytes"/>.</summary>
    public static SizeClass ForLarge(int bytes) =>
        new(bytes, checked((int)(((long)bytes + ReverseBytes + PageBytes - 1) >> PageShift)), 1);

    private static SizeClass[] Build()
    {
        var sizes = new List<int>();
        for (var size = 8; size <= LinearMax; size += 8)
            sizes.Add(size);
        for (var size = LinearMax; size < ObjectBytesMax; size *= 2)
        {
            var steps = size < FineMax ? 8 : 4;
            for (var step = 1; step <= steps; step++)
                sizes.Add(size + size / steps * step);
        }
        return [.. sizes.Select(Shape)];
    }

    private static SizeClass Shape(int objectBytes)
    {
        for (var pages = 1; ; pages++)
        {
            var spanBytes = pages * PageBytes;
            var objects = spanBytes / (objectBytes + ReverseBytes);
            if (objects > 0 && (spanBytes - objects * (objectBytes + ReverseBytes)) * 8 <= spanBytes)
                return new(objectBytes, pages, objects);
        }
    }

    private static byte[] BuildSmallLookup()
    {
        var lookup = new byte[(FineMax >> 3) + 1];
        var sizeClass = 0;
        for (var i = 0; i < lookup.Length; i++)
        {
            if (i * 8 > Table[sizeClass].ObjectBytes)
                sizeClass++;
            lookup[i] = (byte)sizeClass;
        }
        return lookup;
    }
}
