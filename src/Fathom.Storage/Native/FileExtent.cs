using System.Runtime.InteropServices;

namespace Fathom.Storage.Native;

/// <summary><c>struct fiemap</c> without the extents that follow it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FileExtentRequest
{
    public const uint Number = 0xC020660B; // FS_IOC_FIEMAP
    public const uint Flush = 1; // FIEMAP_FLAG_SYNC

    public ulong Start;
    public ulong Length;
    public uint Flags;
    public uint MappedExtents;
    public uint ExtentCount;
    public uint Reserved;
}

/// <summary><c>struct fiemap_extent</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 56)]
internal struct FileExtent
{
    [FieldOffset(0)]
    public ulong Logical;

    [FieldOffset(8)]
    public ulong Physical;

    [FieldOffset(16)]
    public ulong Length;

    [FieldOffset(40)]
    public uint Flags;
}
