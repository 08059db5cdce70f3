using System.Runtime.InteropServices;
using Fathom.Memory;
using Fathom.Storage.Native;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Storage.Files;

/// <summary>An open descriptor with what was found out about it.</summary>
/// <param name="Handle">Open for reading.</param>
/// <param name="IsDirect">Whether its reads pass the page cache by.</param>
/// <param name="AlignmentBytes">What offsets and sizes of reads must be multiples of; at least 512.</param>
internal readonly record struct OpenedFile(SafeFileHandle Handle, bool IsDirect, int AlignmentBytes)
{
    private const int NotSupported = 22; // EINVAL

    /// <summary>Opens a regular file for reading, direct if wanted and possible.</summary>
    /// <exception cref="StorageFileException">It is not there, may not be read, is no regular file, or cannot be read directly though it must.</exception>
    public static OpenedFile Open(string path, DirectReads direct) =>
        OperatingSystem.IsLinux() ? OpenLinux(path, direct) : OpenAny(path, direct);

    /// <summary>A path by which the file behind a handle can be opened again.</summary>
    /// <exception cref="StorageFileException">The handle is not open for reading, or the system has no such path.</exception>
    public static string PathOf(SafeFileHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        var name = $"descriptor {handle.DangerousGetHandle()}";
        if (!OperatingSystem.IsLinux())
            throw new StorageFileException(name, "files are opened again by their descriptors on Linux only");
        var flags = LinuxFiles.Control(handle, LinuxFiles.GetFlags, 0);
        if (flags < 0)
            throw Refused(name, "is no open file", Marshal.GetLastPInvokeError());
        // Opening it again asks for the file's permission; that the handle itself may read is not implied.
        if ((flags & LinuxFiles.AccessModeMask) == LinuxFiles.WriteOnly)
            throw new StorageFileException(name, "was not opened for reading");
        return $"/proc/self/fd/{handle.DangerousGetHandle()}";
    }

    private static OpenedFile OpenAny(string path, DirectReads direct)
    {
        if (direct == DirectReads.Require)
            throw new StorageFileException(path, "direct reads are available on Linux only");
        try
        {
            return new OpenedFile(
                File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.RandomAccess),
                false, ChainRequest.ReadBytesMin);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new StorageFileException(path, failure.Message, inner: failure);
        }
    }

    private static OpenedFile OpenLinux(string path, DirectReads direct)
    {
        // Non-blocking, so that a pipe under this name does not hold us up; taken back below because rings treat it as a wish.
        const int Flags = LinuxFiles.ReadOnly | LinuxFiles.CloseOnExec | LinuxFiles.NonBlocking;
        var descriptor = direct == DirectReads.Never ? -1 : LinuxFiles.Open(path, Flags | LinuxFiles.Direct, 0);
        var isDirect = descriptor >= 0;
        if (!isDirect)
        {
            if (direct == DirectReads.Require)
                throw Refused(path, "cannot be opened for direct reads", Marshal.GetLastPInvokeError());
            descriptor = LinuxFiles.Open(path, Flags, 0);
        }
        if (descriptor < 0)
            throw Refused(path, "cannot be opened", Marshal.GetLastPInvokeError());

        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        try
        {
            var stat = StatOf(path, handle);
            if ((stat.Mode & LinuxFiles.TypeMask) != LinuxFiles.RegularFile)
                throw new StorageFileException(path, "is not a regular file");
            if (LinuxFiles.Control(handle, LinuxFiles.SetFlags, isDirect ? LinuxFiles.Direct : 0) != 0)
                throw Refused(path, "does not take its open flags", Marshal.GetLastPInvokeError());
            var alignment = isDirect ? DirectAlignment(handle, stat) : ChainRequest.ReadBytesMin;
            if (alignment is > 0 and <= ChainRequest.ReadBytesMax)
                return new OpenedFile(handle, isDirect, alignment);
            if (direct == DirectReads.Require)
                throw new StorageFileException(path, "lies on a file system without direct reads");
            if (LinuxFiles.Control(handle, LinuxFiles.SetFlags, 0) != 0)
                throw Refused(path, "does not take its open flags", Marshal.GetLastPInvokeError());
            return new OpenedFile(handle, false, ChainRequest.ReadBytesMin);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private static unsafe FileStat StatOf(string path, SafeFileHandle handle)
    {
        FileStat stat;
        byte emptyPath = 0;
        // SAFETY: pointers to locals that outlive the call; statx writes 256 bytes, the size of FileStat.
        if (LinuxFiles.Stat(handle.DangerousGetHandle(), &emptyPath, LinuxFiles.EmptyPath, LinuxFiles.StatBasic | LinuxFiles.StatDirectAlignment, &stat) != 0)
            throw Refused(path, "cannot be examined", Marshal.GetLastPInvokeError());
        return stat;
    }

    /// <summary>Smallest multiple that direct reads of the file take; 0 when there are none.</summary>
    private static unsafe int DirectAlignment(SafeFileHandle handle, in FileStat stat)
    {
        if ((stat.Mask & LinuxFiles.StatDirectAlignment) != 0)
            return stat.DirectOffsetAlignment > ChainRequest.ReadBytesMax ? 0 : int.Max((int)stat.DirectOffsetAlignment, stat.DirectOffsetAlignment == 0 ? 0 : ChainRequest.ReadBytesMin);
        const int PageBytes = 4096;
        if (stat.Size == 0)
            return PageBytes; // nothing to try it on; every device takes pages
        using var block = NativeBuffer.Allocate(PageBytes, PageBytes);
        for (var alignment = ChainRequest.ReadBytesMin; alignment <= PageBytes; alignment *= 2)
        {
            // SAFETY: the block holds PageBytes, never fewer than are asked for.
            if (LinuxFiles.ReadAt(handle, block.Pointer, (nuint)alignment, 0) >= 0)
                return alignment;
            if (Marshal.GetLastPInvokeError() != NotSupported)
                return 0;
        }
        return 0;
    }

    private static StorageFileException Refused(string path, string problem, int errno) =>
        new(path, $"{problem}: {Marshal.GetPInvokeErrorMessage(errno)}", errno);
}
