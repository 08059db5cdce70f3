using System.Runtime.InteropServices;

namespace Fathom.Storage.Native;

/// <summary>The io_uring system calls and the structures they share with the kernel (linux/io_uring.h), as they are.</summary>
internal static unsafe partial class UringCalls
{
    // The three numbers are the same on every processor that .NET runs on.
    public const nint SetupNumber = 425;
    public const nint EnterNumber = 426;
    public const nint RegisterNumber = 427;

    public const uint SetupCompletionSize = 1u << 3;
    public const uint SetupClamp = 1u << 4;
    public const uint SetupSubmitAll = 1u << 7;
    public const uint SetupCooperativeTasks = 1u << 8;
    public const uint SetupSingleIssuer = 1u << 12;
    public const uint SetupDeferTasks = 1u << 13;

    public const uint FeatureSingleMapping = 1u << 0;
    public const uint FeatureNoDrop = 1u << 1;
    public const uint FeatureExtendedArgument = 1u << 8;

    public const uint EnterGetEvents = 1u << 0;
    public const uint EnterExtendedArgument = 1u << 3;

    public const uint RegisterBuffers = 0;
    public const uint RegisterFiles = 2;
    public const uint RegisterFilesUpdate = 6;
    public const uint RegisterProbe = 8;

    public const byte OperationReadFixed = 4;
    public const byte OperationCancel = 14;
    public const byte OperationRead = 22;
    public const byte OperationCommand = 46; // IORING_OP_URING_CMD
    public const byte FixedFile = 1 << 0; // IOSQE_FIXED_FILE
    public const ushort OperationSupported = 1 << 0; // IO_URING_OP_SUPPORTED

    public const long SubmissionRingOffset = 0;
    public const long SubmissionEntriesOffset = 0x10000000;

    public const int ReadWrite = 3; // PROT_READ | PROT_WRITE
    public const int Shared = 1;
    public const int Private = 2;
    public const int Anonymous = 0x20;
    public const int Populate = 0x8000;
    public const int AdviseNoFork = 10; // MADV_DONTFORK

    public const int ErrorInterrupted = 4;
    public const int ErrorTryAgain = 11;
    public const int ErrorBusy = 16;
    public const int ErrorInvalid = 22;
    public const int ErrorTimer = 62;

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint Setup(nint number, nint entries, RingParameters* parameters);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint Enter(nint number, nint ring, nint submit, nint waitFor, nint flags, void* argument, nint argumentBytes);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint Register(nint number, nint ring, nint operation, void* argument, nint count);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint Map(nint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Advise(nint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int EventFile(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint Write(int file, void* buffer, nuint count);
}

/// <summary><c>struct io_uring_params</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RingParameters
{
    public uint SubmissionEntries;
    public uint CompletionEntries;
    public uint Flags;
    public uint ThreadProcessor;
    public uint ThreadIdle;
    public uint Features;
    public uint WorkQueueFile;
    public uint Reserved0;
    public uint Reserved1;
    public uint Reserved2;
    public SubmissionOffsets Submission;
    public CompletionOffsets Completion;
}

/// <summary><c>struct io_sqring_offsets</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SubmissionOffsets
{
    public uint Head;
    public uint Tail;
    public uint Mask;
    public uint Entries;
    public uint Flags;
    public uint Dropped;
    public uint Array;
    public uint Reserved;
    public ulong UserAddress;
}

/// <summary><c>struct io_cqring_offsets</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CompletionOffsets
{
    public uint Head;
    public uint Tail;
    public uint Mask;
    public uint Entries;
    public uint Overflow;
    public uint Completions;
    public uint Flags;
    public uint Reserved;
    public ulong UserAddress;
}

/// <summary><c>struct io_uring_sqe</c>: 64 bytes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct SubmissionEntry
{
    [FieldOffset(0)]
    public byte Operation;

    [FieldOffset(1)]
    public byte Flags;

    [FieldOffset(4)]
    public int File;

    [FieldOffset(8)]
    public ulong Offset;

    [FieldOffset(16)]
    public ulong Address;

    [FieldOffset(24)]
    public uint Length;

    [FieldOffset(32)]
    public ulong UserData;

    [FieldOffset(40)]
    public ushort BufferIndex;

    /// <summary>First bytes of a command; its number stands in <see cref="Offset"/>.</summary>
    [FieldOffset(48)]
    public ulong Command;
}

/// <summary><c>struct io_uring_cqe</c>: 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CompletionEntry
{
    public ulong UserData;
    public int Result;
    public uint Flags;
}

/// <summary><c>struct io_uring_getevents_arg</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct WaitArgument
{
    public ulong SignalMask;
    public uint SignalMaskBytes;
    public uint Reserved;
    public long* Time; // struct __kernel_timespec: seconds, nanoseconds
}

/// <summary><c>struct iovec</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BufferRange
{
    public nint Address;
    public nuint Length;
}

/// <summary><c>struct io_uring_files_update</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct FilesUpdate
{
    public uint Offset;
    public uint Reserved;
    public int* Files;
}
