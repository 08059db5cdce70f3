using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Fathom.Tiering.BlockLog.Index;

/// <summary>The head of the scratch memory of <c>functions/prefix_walk.bpf.c</c>; the keys follow it, and places take their room.</summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal struct WalkHead
{
    public const int Bytes = 80;

    public ulong Seed;
    public ulong IndexOffset;
    public ulong FaultOffset;
    public uint Pages;
    public uint RunMax;
    public uint Keys;
    public uint Matched;
    public uint Run;
    public uint Resumes;
    public uint Last;
    public uint Wave;
    public uint Expected;
    public uint Skip;
    public uint Cursor;

    public static ref WalkHead Of(byte[] scratch) => ref Unsafe.As<byte, WalkHead>(ref MemoryMarshal.GetArrayDataReference(scratch));
}

/// <summary>What a matched key became.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct WalkPlace
{
    public const int Bytes = 16;

    /// <summary>In <see cref="LengthAndFlags"/>: the first that its page gave.</summary>
    public const uint First = 0x10000000;

    public uint Unit;
    public uint LengthAndFlags;
    public uint Checksum;
    public uint Generation;
}
