using System.Runtime.InteropServices;
using Fathom.Storage.Native;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Storage.Files;

/// <summary>What a cheap system call tells about a file: equal stamps mean that nothing was changed in between.</summary>
/// <param name="LengthBytes">Size.</param>
/// <param name="Links">Names that the file has; 1 where the system does not tell.</param>
/// <param name="WrittenAt">Time of the last write to the data, in the system's own unit.</param>
/// <param name="ChangedAt">Time of the last change to data or attributes, in the same unit.</param>
internal readonly record struct FileStamp(long LengthBytes, uint Links, Int128 WrittenAt, Int128 ChangedAt)
{
    /// <summary>False once the system no longer tells about the file.</summary>
    public bool IsReachable { get; init; } = true;

    /// <summary>Reads the stamp of an open file.</summary>
    /// <param name="handle">Open: the caller holds a reference on it.</param>
    /// <param name="stamp">What the system said.</param>
    /// <param name="errno">Why it said nothing.</param>
    public static bool TryRead(SafeFileHandle handle, out FileStamp stamp, out int errno) =>
        OperatingSystem.IsLinux() ? TryReadLinux(handle, out stamp, out errno) : TryReadAny(handle, out stamp, out errno);

    private static unsafe bool TryReadLinux(SafeFileHandle handle, out FileStamp stamp, out int errno)
    {
        FileStat stat;
        byte emptyPath = 0;
        // SAFETY: both pointers are to locals that outlive the call; the structure has the 256 bytes that statx writes. The
        // descriptor is open: every user of a StorageFile holds a reference on its handle.
        if (LinuxFiles.Stat(handle.DangerousGetHandle(), &emptyPath, LinuxFiles.EmptyPath, LinuxFiles.StatBasic, &stat) != 0)
        {
            errno = Marshal.GetLastPInvokeError();
            stamp = default;
            return false;
        }
        errno = 0;
        stamp = new FileStamp(
            (long)ulong.Min(stat.Size, long.MaxValue), stat.Links,
            Nanoseconds(stat.WriteSeconds, stat.WriteNanoseconds), Nanoseconds(stat.ChangeSeconds, stat.ChangeNanoseconds));
        return true;
    }

    private static Int128 Nanoseconds(long seconds, uint nanoseconds) => ((Int128)seconds * 1_000_000_000) + nanoseconds;

    private static bool TryReadAny(SafeFileHandle handle, out FileStamp stamp, out int errno)
    {
        stamp = default;
        errno = 0;
        try
        {
            var written = File.GetLastWriteTimeUtc(handle).Ticks;
            stamp = new FileStamp(RandomAccess.GetLength(handle), 1, written, written);
            return true;
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            errno = failure.HResult;
            return false;
        }
    }
}
