namespace Fathom.FarMemory.Node;

/// <summary>Where things stand in the memory of a region: one control page, the slot table, then the bytes of the spans.</summary>
internal readonly record struct RegionLayout
{
    /// <summary>Smallest unit of a slot. Small enough for a quarter of the smallest span, which splitting stores on one node.</summary>
    public const int GranuleBytes = 2048;

    /// <summary>Bytes of the control page.</summary>
    public const int ControlBytes = 4096;

    /// <summary>Smallest region that a node registers.</summary>
    public const long BytesMin = 16L << 20;

    /// <summary>Largest region that a node registers.</summary>
    public const long BytesMax = 1L << 30;

    /// <summary>A region that holds <paramref name="dataBytes"/> of spans.</summary>
    public RegionLayout(long dataBytes)
    {
        DataBytes = dataBytes;
        Granules = (int)(dataBytes / GranuleBytes);
        DataOffset = ControlBytes + (long)Granules * SlotHeader.Bytes;
        TotalBytes = DataOffset + dataBytes;
    }

    /// <summary>Room for spans, bytes.</summary>
    public long DataBytes { get; }

    /// <summary>Entries of the slot table.</summary>
    public int Granules { get; }

    /// <summary>Start of the spans' bytes.</summary>
    public long DataOffset { get; }

    /// <summary>Whole memory, bytes.</summary>
    public long TotalBytes { get; }

    /// <summary>Whether a region may have this size.</summary>
    public static bool IsValid(ulong dataBytes) =>
        dataBytes is >= (ulong)BytesMin and <= (ulong)BytesMax && dataBytes % GranuleBytes == 0;

    /// <summary>Whether a span may stand at this offset.</summary>
    public bool Holds(ulong offset, uint length) =>
        length != 0 && offset % GranuleBytes == 0 && offset < (ulong)DataBytes && length <= (ulong)DataBytes - offset;
}
