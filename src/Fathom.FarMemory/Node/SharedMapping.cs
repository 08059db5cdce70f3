using System.Runtime.InteropServices;
using Fathom.Memory;
using Microsoft.Win32.SafeHandles;

namespace Fathom.FarMemory.Node;

/// <summary>Memory that two processes of one machine see: a Linux memfd, mapped.</summary>
/// <remarks>
/// The maker owns it; a peer opens it through the maker's /proc folder, so nothing is left behind in a file system when
/// processes are killed. A mapping stays valid for whoever holds it after the maker is gone or has replaced it: that is what
/// keeps late stores of a fenced client away from the memory of others.
/// </remarks>
internal sealed unsafe partial class SharedMapping : SafeHandle
{
    private const int ReadWrite = 3;  // PROT_READ | PROT_WRITE
    private const int Shared = 1;     // MAP_SHARED
    private const uint CloseOnExec = 1;
    private const int KeepSizePunchHole = 3; // FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE

    private readonly SafeFileHandle _file;

    private SharedMapping(SafeFileHandle file, nint address, long length)
        : base(nint.Zero, ownsHandle: true)
    {
        _file = file;
        Length = length;
        SetHandle(address);
    }

    public long Length { get; }

    public override bool IsInvalid => handle == nint.Zero;

    /// <summary>Number of the descriptor in this process.</summary>
    public int Descriptor => (int)_file.DangerousGetHandle();

    /// <summary>The bytes, valid until this is disposed.</summary>
    public NativeView View
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return new NativeView((byte*)handle, Length);
        }
    }

    /// <summary>Whether the system has memfd and /proc.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux();

    /// <summary>Makes zeroed memory.</summary>
    /// <exception cref="IOException">The system has no such memory.</exception>
    public static SharedMapping Create(string name, long length)
    {
        var descriptor = MemoryFile(name, CloseOnExec);
        if (descriptor < 0)
            throw new IOException($"memfd_create({name}) failed: errno {Marshal.GetLastPInvokeError()}");
        var file = new SafeFileHandle(descriptor, ownsHandle: true);
        RandomAccess.SetLength(file, length);
        return Map(file, name, length);
    }

    /// <summary>Maps memory that another process has made.</summary>
    /// <exception cref="IOException">The process or its descriptor is gone, or may not be opened, or has another length.</exception>
    public static SharedMapping Open(int processId, int descriptor, long length)
    {
        var path = $"/proc/{processId}/fd/{descriptor}";
        SafeFileHandle file;
        try
        {
            file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        }
        catch (UnauthorizedAccessException refused)
        {
            throw new IOException($"{path}: {refused.Message}", refused);
        }
        var actual = RandomAccess.GetLength(file);
        if (actual != length)
        {
            file.Dispose();
            throw new IOException($"{path}: has {actual} bytes instead of {length}");
        }
        return Map(file, path, length);
    }

    /// <summary>Returns the pages to the system; whoever maps them reads zeros from then on.</summary>
    public void Discard()
    {
        // Keeping the size keeps other mappings from faulting. Where the system cannot do it, the pages live as long as their mappings.
        _ = PunchHole(Descriptor, KeepSizePunchHole, 0, Length);
    }

    private static SharedMapping Map(SafeFileHandle file, string name, long length)
    {
        var address = MapMemory(nint.Zero, (nuint)length, ReadWrite, Shared, (int)file.DangerousGetHandle(), 0);
        if (address == -1)
        {
            var error = Marshal.GetLastPInvokeError();
            file.Dispose();
            throw new IOException($"mapping {length} bytes of {name} failed: errno {error}");
        }
        return new SharedMapping(file, address, length);
    }

    protected override bool ReleaseHandle()
    {
        // SAFETY: address and length are those of one successful mmap; SafeHandle calls this once.
        var unmapped = UnmapMemory(handle, (nuint)Length) == 0;
        _file.Dispose();
        return unmapped;
    }

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MemoryFile(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int PunchHole(int descriptor, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint MapMemory(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int UnmapMemory(nint address, nuint length);
}
