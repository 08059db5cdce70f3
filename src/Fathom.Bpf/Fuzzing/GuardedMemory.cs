using System.Runtime.InteropServices;
using Fathom.Memory;

namespace Fathom.Bpf.Fuzzing;

/// <summary>Memory between two pages that no access survives: an access outside ends the process instead of passing unseen.</summary>
/// <remarks>Where pages cannot be protected, the bytes around are compared afterwards instead.</remarks>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    /// <summary>What stands in bytes that nobody may touch.</summary>
    public const byte Pattern = 0xa7;

    private const int ProtectNone = 0;

    private readonly NativeBuffer _buffer;
    private readonly int _pageBytes = Environment.SystemPageSize;
    private readonly long _innerBytes;
    private readonly bool _isProtected;

    /// <param name="bytesMax">Largest view that will be asked for.</param>
    public GuardedMemory(int bytesMax)
    {
        _innerBytes = (bytesMax + _pageBytes - 1) / _pageBytes * _pageBytes;
        _buffer = NativeBuffer.Allocate(_innerBytes + (2 * _pageBytes), _pageBytes);
        _buffer.View.AsSpan<byte>().Fill(Pattern);
        _isProtected = OperatingSystem.IsLinux() && Protect(ProtectNone);
    }

    /// <summary>Memory that touches the guard behind it, or the one before it.</summary>
    public NativeView View(int bytes, bool atEnd) => _buffer.View.Slice(atEnd ? _pageBytes + _innerBytes - bytes : _pageBytes, bytes);

    /// <summary>Whether the bytes around a view are as they were.</summary>
    public bool IsIntactAround(NativeView view)
    {
        var start = view.Pointer - _buffer.Pointer;
        var first = _isProtected ? _pageBytes : 0;
        var end = _isProtected ? _pageBytes + _innerBytes : _buffer.Length;
        return IsPattern(first, start - first) && IsPattern(start + view.Length, end - start - view.Length);
    }

    public void Dispose()
    {
        const int ReadWrite = 3;
        if (_isProtected)
            Protect(ReadWrite);
        _buffer.Dispose();
    }

    private bool IsPattern(long offset, long bytes) => _buffer.View.Slice(offset, bytes).AsSpan<byte>().IndexOfAnyExcept(Pattern) < 0;

    // SAFETY: both guards are whole pages of this buffer: it is page-aligned, and the inner part is whole pages.
    private bool Protect(int protection) =>
        ProtectPages((nint)_buffer.Pointer, (nuint)_pageBytes, protection) == 0
        && ProtectPages((nint)(_buffer.Pointer + _pageBytes + _innerBytes), (nuint)_pageBytes, protection) == 0;

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int ProtectPages(nint address, nuint bytes, int protection);
}
