using Microsoft.Win32.SafeHandles;

namespace Fathom.Storage.Threads;

/// <summary>A read at an offset with its outcome as a number, as rings report it.</summary>
internal static class BlockingRead
{
    private const int BadDescriptor = 9; // EBADF
    private const int InputOutput = 5; // EIO
    private const int AccessDenied = 13; // EACCES

    /// <summary>Reads until the block is full or the file ends.</summary>
    /// <returns>Bytes read, or a negated errno.</returns>
    public static int At(SafeFileHandle handle, Span<byte> block, long offsetBytes)
    {
        try
        {
            return RandomAccess.Read(handle, block, offsetBytes);
        }
        catch (ObjectDisposedException)
        {
            return -BadDescriptor; // closed meanwhile: the chain sees that first
        }
        catch (UnauthorizedAccessException)
        {
            return -AccessDenied;
        }
        catch (IOException failure)
        {
            // On Unix the code of an input/output failure is the errno itself; elsewhere it is none.
            return failure.HResult is > 0 and < 4096 ? -failure.HResult : -InputOutput;
        }
    }
}
