using System.Runtime.InteropServices;

namespace Fathom.Storage.Native;

/// <summary>The Linux system calls that files need beyond the base class library, as they are.</summary>
internal static unsafe partial class LinuxFiles
{
    public const int ReadOnly = 0;
    public const int NonBlocking = 0x800;
    public const int CloseOnExec = 0x80000;
    public const int GetFlags = 3; // F_GETFL
    public const int SetFlags = 4; // F_SETFL
    public const int AccessModeMask = 3;
    public const int WriteOnly = 1;

    public const int EmptyPath = 0x1000; // AT_EMPTY_PATH
    public const uint StatBasic = 0x7ff;
    public const uint StatDirectAlignment = 0x2000; // STATX_DIOALIGN, Linux 6.1
    public const ushort TypeMask = 0xf000;
    public const ushort RegularFile = 0x8000;

    /// <summary>O_DIRECT is one of the few flags whose value depends on the processor.</summary>
    public static int Direct { get; } = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.Arm or Architecture.Arm64 or Architecture.Armv6 => 0x10000,
        Architecture.Ppc64le => 0x20000,
        _ => 0x4000,
    };

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Control(SafeHandle file, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int ControlDevice(SafeHandle file, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Stat(nint file, byte* path, int flags, uint mask, FileStat* stat);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint ReadAt(SafeHandle file, byte* buffer, nuint count, long offset);
}

/// <summary>The fields of <c>struct statx</c> that are used here.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct FileStat
{
    [FieldOffset(0)]
    public uint Mask;

    [FieldOffset(16)]
    public uint Links;

    [FieldOffset(28)]
    public ushort Mode;

    [FieldOffset(40)]
    public ulong Size;

    [FieldOffset(96)]
    public long ChangeSeconds;

    [FieldOffset(104)]
    public uint ChangeNanoseconds;

    [FieldOffset(112)]
    public long WriteSeconds;

    [FieldOffset(120)]
    public uint WriteNanoseconds;

    [FieldOffset(156)]
    public uint DirectOffsetAlignment;
}
