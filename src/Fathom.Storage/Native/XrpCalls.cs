using System.Runtime.InteropServices;

namespace Fathom.Storage.Native;

/// <summary>The interface of /dev/fathom_xrp, as in kernel/fathom_xrp.h.</summary>
internal static class XrpCalls
{
    public const string DevicePath = "/dev/fathom_xrp";
    public const uint Version = 1;

    public const nuint Info = 0x8020FA00;
    public const nuint Pin = 0xC020FA01;
    public const nuint Unpin = 0x4004FA02;
    public const nuint Read = 0xC060FA03;
    public const nuint Cancel = 0xFA04;

    public const uint PinZeros = 1;
    public const uint PinSeal = 2;
}

/// <summary><c>struct fathom_xrp_info</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XrpLimits
{
    public uint Version;
    public uint ChainsMax;
    public uint ReadsMax;
    public uint DeadlineMs;
    public ulong BytesMax;
    public ulong Reserved;
}

/// <summary><c>struct fathom_xrp_pin</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XrpPin
{
    public int Descriptor;
    public uint Flags;
    public uint File;
    public uint Alignment;
    public ulong Size;
    public uint Extents;
    public uint Reserved;
}

/// <summary><c>enum fathom_xrp_engine</c>.</summary>
internal enum XrpWhere : uint
{
    Auto,
    Task,
    Irq,
    Worker,
}

/// <summary><c>enum fathom_xrp_status</c>.</summary>
internal enum XrpStatus : uint
{
    Done,
    FunctionError,
    Stalled,
    HopLimit,
    ByteLimit,
    Deadline,
    Cancelled,
    OutOfFile,
    Misaligned,
    BadSize,
    TooManyReads,
    Hole,
    ReadError,
    FileChanged,
    Detached,
}

/// <summary><c>struct fathom_xrp_read</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XrpRead
{
    public uint File;
    public XrpWhere Where;
    public ulong Function;
    public ulong Offset;
    public uint Size;
    public uint ScratchSize;
    public ulong Scratch;
    public uint ReadsMax;
    public uint DeadlineMs;
    public ulong BytesMax;

    public XrpStatus Status;
    public int Code;
    public uint Hops;
    public uint Change;
    public ulong Bytes;
    public ulong BlameOffset;
    public uint BlameSize;
    public uint Ran;
}
