using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace Fathom.Memory;

/// <summary>A whole file mapped read-only; any size that the address space holds.</summary>
/// <remarks>
/// The opener owns it. Pages are read when touched: a device error or a file that another process shortens while mapped
/// kills the process, as it does for every user of mapped files. Safe for any number of reading threads.
/// </remarks>
public sealed unsafe partial class MappedFile : SafeHandle
{
    private const int DontNeed = 4; // MADV_DONTNEED

    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _accessor;

    private MappedFile(MemoryMappedFile? file, MemoryMappedViewAccessor? accessor, long length)
        : base(-1, ownsHandle: true)
    {
        _file = file;
        _accessor = accessor;
        Length = length;
        SetHandle(accessor is null ? nint.Zero : accessor.SafeMemoryMappedViewHandle.DangerousGetHandle());
    }

    /// <summary>Length of the file in bytes when it was opened.</summary>
    public long Length { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>The file's bytes; valid until this is disposed. Writing through it faults.</summary>
    /// <exception cref="ObjectDisposedException">The mapping has been closed.</exception>
    public NativeView View
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return new NativeView((byte*)handle, Length);
        }
    }

    /// <summary>Maps the file at <paramref name="path"/>.</summary>
    /// <exception cref="IOException">The file cannot be opened or mapped.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static MappedFile Open(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        var length = stream.Length;
        if (length == 0)
            return new MappedFile(null, null, 0); // an empty mapping is an error to the system, but not to us
        MemoryMappedFile? file = null;
        try
        {
            // The mapping duplicates nothing: it needs the stream's descriptor only until the view exists.
            file = MemoryMappedFile.CreateFromFile(
                stream, null, length, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            return new MappedFile(file, file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read), length);
        }
        catch
        {
            file?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Lets the system take back the memory that holds a range of the file. The range stays readable: touching it reads the
    /// file again.
    /// </summary>
    /// <param name="offsetBytes">Start of the range.</param>
    /// <param name="lengthBytes">Its length; pages that it covers in part are kept.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the file.</exception>
    /// <remarks>Does something on Linux only, where mapped pages count as the process's own.</remarks>
    public void Release(long offsetBytes, long lengthBytes)
    {
        NativeView range = View.Slice(offsetBytes, lengthBytes);
        if (!OperatingSystem.IsLinux())
            return;
        long page = Environment.SystemPageSize;
        long first = (offsetBytes + page - 1) / page * page;
        long end = (offsetBytes + range.Length) / page * page;
        // SAFETY: whole pages inside the mapping, which starts at a page. The advice never loses data of a read-only mapping;
        // where the system does not take it, nothing happens.
        if (end > first)
            _ = Advise((byte*)handle + first, (nuint)(end - first), DontNeed);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(byte* address, nuint length, int advice);

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _accessor?.Dispose();
        _file?.Dispose();
        return true;
    }
}
