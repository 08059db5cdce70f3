using Fathom.Tiering.BlockLog.Format;

namespace Fathom.Tiering.BlockLog.Segments;

/// <summary>A segment of the log as the process knows it. Its table's lock guards all of it.</summary>
internal sealed class LogSegment(int number, uint firstUnit)
{
    public int Number { get; } = number;

    /// <summary>Its header; frames follow.</summary>
    public uint FirstUnit { get; } = firstUnit;

    public uint Generation { get; set; }

    public SegmentState State { get; set; }

    /// <summary>Units up to the end of its last frame, the header included.</summary>
    public uint UsedUnits { get; set; }

    /// <summary>Blocks in it that the index names.</summary>
    public int Blocks { get; set; }

    /// <summary>Leases and reads over it; it stays as it is while there are any.</summary>
    public int Pins { get; set; }

    /// <summary>Uses of its blocks, each of less weight the longer it is past.</summary>
    public double Heat { get; set; }

    /// <summary>When <see cref="Heat"/> was right, in uses of all blocks.</summary>
    public long HeatAt { get; set; }

    /// <summary>How often each block was matched since it was written here, by its first unit.</summary>
    public Dictionary<uint, int> Uses { get; } = [];
}
