using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Fathom.Memory;

/// <summary>Machine code in pages of its own: written once, from then on executable and never writable.</summary>
/// <remarks>Whoever makes it owns it; nobody may run the code after it is disposed. Any thread may run it before.</remarks>
[SupportedOSPlatform("linux")]
public sealed unsafe class ExecutableMemory : SafeHandle
{
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
        var pages = SystemPages.Map(bytes);
        if (pages == 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"The system gives no {bytes} bytes for machine code.");
        var memory = new ExecutableMemory(pages, bytes);
        // SAFETY: the pages hold at least the code's bytes and are writable until they are executable.
        code.CopyTo(new Span<byte>((void*)pages, code.Length));
        if (!SystemPages.TryMakeExecutable(pages, bytes))
        {
            var error = Marshal.GetLastPInvokeError();
            memory.Dispose();
            throw new Win32Exception(error, "The system refuses to make memory executable.");
        }
        return memory;
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => SystemPages.Unmap(handle, _bytes);
}
