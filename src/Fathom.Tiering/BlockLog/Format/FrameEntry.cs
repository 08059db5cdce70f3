using System.Runtime.InteropServices;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.BlockLog.Format;

/// <summary>A block in a frame of the log: all that is needed to put it back into the index. The bytes of the file, little-endian.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal record struct FrameEntry
{
    /// <summary>Size in the frame.</summary>
    public const int Bytes = 64;

    /// <summary>No page.</summary>
    public const uint NoPage = uint.MaxValue;

    public KvBlockKey Key;

    /// <summary>The block before it in its chain.</summary>
    public KvBlockKey Parent;

    /// <summary>First unit of the block.</summary>
    public uint Unit;

    /// <summary>Its length in bytes.</summary>
    public uint Length;

    /// <summary>CRC-32C of the block.</summary>
    public uint Checksum;

    /// <summary>1: it stands right behind its parent; 0: it begins a run.</summary>
    public uint Extends;

    /// <summary>Page of the index that it stands in.</summary>
    public uint Page;

    /// <summary>Page that its parent stands in; <see cref="NoPage"/> when the parent is the root or was not known.</summary>
    public uint ParentPage;

    /// <summary>Zero.</summary>
    public ulong Reserved;

    /// <summary>The place in a segment of a generation.</summary>
    public readonly BlockPlace PlaceIn(uint generation) => new(Page, Unit, (int)Length, Checksum, generation);
}
