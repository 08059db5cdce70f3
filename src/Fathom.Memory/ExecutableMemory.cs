using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Fathom.Memory;

/// <summary>Machine code in pages of its own: written once, from then on executable and never writable.</summary>
/// <remarks>Whoever makes it owns it; nobody may run the code after it is disposed. Any thread may run it before.</remarks>
[SupportedOSPlatform("linux")]
public sealed unsafe partial class ExecutableMemory : SafeHandle
{
    private const int Read = 1;
    private const int Write = 2;
    private const int Execute = 4;
    private const int PrivateAnonymous = 0x22; // MAP_PRIVATE | MAP_ANONYMOUS
    private const nint Failed = -1;

    private readonly nuint _bytes;

    private ExecutableMemory(nint pages, nuint bytes)
        : base(nint.Zero, ownsHandle: true)
    {
        SetHandle(pages);
        _bytes = bytes;
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == nint.Zero;

    /// <summary>First byte of the code; aligned to a page.</summary>
    /// <exception cref="ObjectDisposedException">The pages are gone.</exception>
    public byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return (byte*)handle;
        }
    }

    /// <summary>Copies code into fresh pages and makes them executable.</summary>
    /// <param name="code">At least one byte of position-independent code for this processor.</param>
    /// <exception cref="Win32Exception">The system refuses memory, or memory that executes.</exception>
    public static ExecutableMemory Create(ReadOnlySpan<byte> code)
    {
        ArgumentOutOfRangeException.ThrowIfZero(code.Length);
        var bytes = (nuint)(code.Length + Environment.SystemPageSize - 1) / (nuint)Environment.SystemPageSize * (nuint)Environment.SystemPageSize;
        var pages = Map(0, bytes, Read | Write, PrivateAnonymous, -1, 0);
        if (pages == Failed)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"The system gives no {bytes} bytes for machine code.");
        var memory = new ExecutableMemory(pages, bytes);
        // SAFETY: the pages hold at least the code's bytes and are writable until Protect.
        code.CopyTo(new Span<byte>((void*)pages, code.Length));
        if (Protect(pages, bytes, Read | Execute) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            memory.Dispose();
            throw new Win32Exception(error, "The system refuses to make memory executable.");
        }
        return memory;
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Unmap(handle, _bytes) == 0;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Map(nint address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Protect(nint address, nuint bytes, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Unmap(nint address, nuint bytes);
}
