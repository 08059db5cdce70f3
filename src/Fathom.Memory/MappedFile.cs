using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace Fathom.Memory;

/// <summary>A whole file mapped read-only; any size that the address space holds.</summary>
/// <remarks>
/// The opener owns it. Pages are read when touched: a device error or a file that another process shortens while mapped
/// kills the process, as it does for every user of mapped files. Safe for any number of reading threads.
/// </remarks>
public sealed unsafe class MappedFile : SafeHandle
{
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

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _accessor?.Dispose();
        _file?.Dispose();
        return true;
    }
}
