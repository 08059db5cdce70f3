using System.Diagnostics;
using System.Runtime.InteropServices;
using Fathom.Storage.Kernel;
using Fathom.Storage.Native;
using Microsoft.Win32.SafeHandles;

namespace Fathom.KernelGuest;

/// <summary>The guest machine: its drives by serial number, its folders, the calls that .NET has no name for.</summary>
internal static unsafe partial class Guest
{
    public const int PunchHole = 2 | 1; // FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
    public const int CollapseRange = 8;
    public const int ZeroRange = 0x10;

    public const int RightToAdminister = 21; // CAP_SYS_ADMIN
    public const int RightToLook = 38; // CAP_PERFMON

    /// <summary>An ext4 file system that tests may do anything to.</summary>
    public const string Data = "/data";

    /// <summary>The whole drive with a serial number, as /dev/nvme0n1.</summary>
    public static string Drive(string serial)
    {
        foreach (var folder in Directory.GetDirectories("/sys/block", "nvme*"))
        {
            if (File.ReadAllText(Path.Combine(folder, "device/serial")).Trim() == serial)
                return $"/dev/{Path.GetFileName(folder)}";
        }
        throw new InvalidOperationException($"The guest has no drive {serial}.");
    }

    /// <summary>Runs a program and gives back its exit code; what it prints goes to the console.</summary>
    public static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments))!;
        process.WaitForExit();
        return process.ExitCode;
    }

    /// <summary>Runs a program that must succeed.</summary>
    public static void MustRun(string program, params string[] arguments)
    {
        if (Run(program, arguments) is var code and not 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} exited with {code}.");
    }

    /// <summary>A file with this content, on the drive.</summary>
    public static string Write(string name, ReadOnlySpan<byte> content)
    {
        var path = Path.Combine(Data, name);
        using var stream = new FileStream(path, FileMode.Create);
        stream.Write(content);
        stream.Flush(flushToDisk: true);
        return path;
    }

    public static SafeFileHandle Open(string path, int flags = 0)
    {
        var descriptor = LinuxFiles.Open(path, flags | LinuxFiles.CloseOnExec, 0x180);
        Check.That(descriptor >= 0, $"{path} does not open: {Marshal.GetLastPInvokeErrorMessage()}");
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>Opens for reading and writing.</summary>
    public static SafeFileHandle OpenForWriting(string path) => Open(path, 2);

    public static XrpDevice Device() => XrpDevice.TryOpen(out var refusal) ?? throw new InvalidOperationException(refusal);

    public static uint Pin(XrpDevice device, string path, uint flags = XrpCalls.PinZeros)
    {
        using var file = Open(path);
        var errno = device.Pin(file, flags, out var pin);
        Check.Equal(0, errno, $"pin {path}");
        return pin;
    }

    public static int TryPin(XrpDevice device, string path, uint flags = XrpCalls.PinZeros)
    {
        using var file = Open(path);
        return device.Pin(file, flags, out _);
    }

    /// <summary>Takes capabilities from this thread.</summary>
    public static void GiveUpRights(params ReadOnlySpan<int> rights)
    {
        const uint Version3 = 0x20080522;
        var kept = ulong.MaxValue;
        foreach (var right in rights)
            kept &= ~(1ul << right);
        // SAFETY: the header is two words, the data two times effective, permitted and inheritable ones, as the version says.
        var header = stackalloc uint[] { Version3, 0 };
        var data = stackalloc uint[] { (uint)kept, (uint)kept, 0, (uint)(kept >> 32), (uint)(kept >> 32), 0 };
        Check.Equal(0, Result(SetCapabilities(header, data)), "capset");
    }

    /// <summary>0, or the errno.</summary>
    public static int Result(nint value) => value < 0 ? Marshal.GetLastPInvokeError() : 0;

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    public static partial int Allocate(SafeHandle file, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int Truncate(SafeHandle file, long length);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    public static partial nint ReadAt(SafeHandle file, void* buffer, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    public static partial nint WriteAt(SafeHandle file, void* buffer, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "chmod", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int ChangeMode(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial nint Map(nint address, nuint length, int protection, int flags, SafeHandle file, long offset);

    [LibraryImport("libc", EntryPoint = "capset", SetLastError = true)]
    private static partial int SetCapabilities(uint* header, uint* data);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Control(SafeHandle file, nuint number, nuint argument);

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Mount(string source, string target, string type, nuint flags, string data);
}
