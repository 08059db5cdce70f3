using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Storage.Files;

/// <summary>Flushing of files and folders, and opening past the page cache, as the system offers it.</summary>
public static class FileSync
{
    private const int ReadWrite = 2;
    private const int CloseOnExec = 0x80000;
    private const int ReadOnlyFolder = CloseOnExec;

    /// <summary>Makes a file's data durable, and of its metadata what is needed to read it.</summary>
    public static void Data(SafeFileHandle handle)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(handle);
            return;
        }
        if (Datasync(handle) != 0)
            throw new IOException("fdatasync failed.", new Win32Exception(Marshal.GetLastPInvokeError()));
    }

    /// <summary>Makes the names in the folder of a file durable.</summary>
    public static void Folder(string filePath)
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var folder = Open(Path.GetDirectoryName(Path.GetFullPath(filePath))!, ReadOnlyFolder, 0);
        if (folder.IsInvalid || Synchronize(folder) != 0)
            throw new IOException("fsync of the folder failed.", new Win32Exception(Marshal.GetLastPInvokeError()));
    }

    /// <summary>Opens a file for reading and writing, past the page cache where asked for.</summary>
    public static SafeFileHandle OpenForWriting(string path, bool direct)
    {
        if (!OperatingSystem.IsLinux() || !direct)
            return File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var handle = Open(path, ReadWrite | CloseOnExec | DirectFlag, 0);
        if (!handle.IsInvalid)
            return handle;
        handle.Dispose();
        return File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
    }

    /// <summary>O_DIRECT, which is not the same number everywhere.</summary>
    private static int DirectFlag => RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x10000 : 0x4000;

    [DllImport("libc", EntryPoint = "fdatasync", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Datasync(SafeFileHandle file);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Synchronize(SafeFileHandle file);

    [DllImport("libc", EntryPoint = "open", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern SafeFileHandle Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, int mode);
}
