using System.Runtime.InteropServices;
using Fathom.Memory;

namespace Fathom.Bpf.Tests.Fuzzing;

/// <summary>Memory that ends where a page without any access begins, or starts where one ends: a byte too far kills the process.</summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int PageBytes = 4096;

    private readonly byte* _start;
    private readonly nuint _totalBytes;

    /// <param name="bytes">Visible bytes.</param>
    /// <param name="atEnd">The guard follows them; otherwise it precedes them.</param>
    public GuardedMemory(int bytes, bool atEnd)
    {
        var pages = (bytes + PageBytes - 1) / PageBytes;
        _totalBytes = (nuint)((pages + 2) * PageBytes);
        _start = Map(0, _totalBytes, 3, 0x22, -1, 0);
        if ((nint)_start == -1 || Protect(_start, PageBytes, 0) != 0 || Protect(_start + ((pages + 1) * PageBytes), PageBytes, 0) != 0)
            throw new InvalidOperationException($"no guarded memory of {bytes} bytes: error {Marshal.GetLastPInvokeError()}");
        // SAFETY: the visible bytes lie within the pages between the two guards.
        View = new NativeView(atEnd ? _start + ((pages + 1) * PageBytes) - bytes : _start + PageBytes, bytes);
    }

    public NativeView View { get; }

    public Span<byte> Span => View.AsSpan<byte>();

    public void Dispose() => _ = Unmap(_start, _totalBytes);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial byte* Map(nint address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(byte* address, nuint bytes, int protection);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(byte* address, nuint bytes);
}
