using System.Runtime.InteropServices;

namespace Fathom.FarMemory.Node;

/// <summary>
/// What stands in a region's slot table for the granule where a span starts. Shared by the node and, over shared memory, by
/// the compute process: the layout is part of the protocol.
/// </summary>
/// <remarks>
/// A sequence lock: the writer makes <see cref="Sequence"/> odd, changes bytes and header, and makes it even again; a reader
/// that sees an odd or a changed sequence has read nothing. A writer that dies in between leaves it odd, which reads as a span
/// that is not there.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct SlotHeader
{
    /// <summary>Size of one entry.</summary>
    public const int Bytes = 32;

    [FieldOffset(0)] public uint Sequence;

    /// <summary>Length of the fragment in bytes; 0 where none starts.</summary>
    [FieldOffset(4)] public uint Length;

    /// <summary>Latest generation that was placed here, or freed here. It never falls.</summary>
    [FieldOffset(8)] public ulong Generation;

    /// <summary>CRC32C of the fragment's bytes.</summary>
    [FieldOffset(16)] public uint Checksum;

    /// <summary>Zero.</summary>
    [FieldOffset(20)] public uint Reserved;

    /// <summary>Fencing epoch that wrote it.</summary>
    [FieldOffset(24)] public ulong Epoch;
}

/// <summary>Start of a region's memory. All zero once the region has been taken back: its pages are gone then.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RegionControl
{
    /// <summary>Life of the node that registered the region.</summary>
    public ulong Incarnation;

    /// <summary>Requesters with an older epoch may not change anything.</summary>
    public ulong Epoch;
}
