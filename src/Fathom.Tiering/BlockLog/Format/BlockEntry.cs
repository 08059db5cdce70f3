using System.Runtime.InteropServices;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.BlockLog.Format;

/// <summary>A block in a page of the index: its key and where its bytes lie. The bytes of the file, little-endian.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct BlockEntry
{
    /// <summary>Size in the page.</summary>
    public const int Bytes = 32;

    /// <summary>Begins a run.</summary>
    public const uint Starts = 0x80000000;

    /// <summary>A child of the block stands elsewhere than right behind it.</summary>
    public const uint Forks = 0x40000000;

    /// <summary>The block is gone; its place in the chain is kept for it.</summary>
    public const uint Hole = 0x20000000;

    /// <summary>The part of <see cref="LengthAndFlags"/> that is the length.</summary>
    public const uint LengthMask = 0x0FFFFFFF;

    public KvBlockKey Key;

    /// <summary>First unit of 4096 bytes of the file.</summary>
    public uint Unit;

    /// <summary>Length in bytes, with <see cref="Starts"/>, <see cref="Forks"/> and <see cref="Hole"/>.</summary>
    public uint LengthAndFlags;

    /// <summary>CRC-32C of the block.</summary>
    public uint Checksum;

    /// <summary>Generation of the segment that was written; another one there now means that the block is gone.</summary>
    public uint Generation;

    public readonly bool Has(uint flag) => (LengthAndFlags & flag) != 0;
}

/// <summary>Where a block lies and which page of the index says so.</summary>
/// <param name="Page">The page.</param>
/// <param name="Unit">First unit of the block.</param>
/// <param name="LengthBytes">Its length.</param>
/// <param name="Checksum">CRC-32C.</param>
/// <param name="Generation">Generation of its segment when it was written.</param>
internal readonly record struct BlockPlace(uint Page, uint Unit, int LengthBytes, uint Checksum, uint Generation);
