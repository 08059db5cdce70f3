using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Fathom.Memory;

/// <summary>Zeroed, aligned native memory with one owner.</summary>
/// <remarks>
/// Whoever allocates it disposes it; a forgotten one is freed by its finalizer. Any thread may use it; nothing guards the
/// contents. Spans and pointers taken from it end with it.
/// </remarks>
public sealed unsafe class NativeBuffer : SafeHandle
{
    private const int HugePageBytes = 2 << 20;

    private readonly byte* _aligned;
    private readonly nuint _pagesBytes;

    private NativeBuffer(void* allocation, nuint pagesBytes, byte* aligned, long length)
        : base(nint.Zero, ownsHandle: true)
    {
        SetHandle((nint)allocation);
        _pagesBytes = pagesBytes;
        _aligned = aligned;
        Length = length;
    }

    /// <summary>Length in bytes.</summary>
    public long Length { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == nint.Zero;

    /// <summary>First byte, aligned as asked for.</summary>
    /// <exception cref="ObjectDisposedException">The buffer has been freed.</exception>
    public byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return _aligned;
        }
    }

    /// <summary>The whole buffer as a view, valid until the buffer is disposed.</summary>
    public NativeView View => new(Pointer, Length);

    /// <summary>Allocates zeroed memory; large buffers take huge pages where the system gives them.</summary>
    /// <param name="bytes">Size; 0 gives a buffer with a valid pointer and no room.</param>
    /// <param name="alignment">Power of two, at most 2 MiB.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative size, or an alignment that is not such a power of two.</exception>
    /// <exception cref="OutOfMemoryException">The system has no such memory.</exception>
    public static NativeBuffer Allocate(long bytes, int alignment = 64)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (alignment < 1 || alignment > 2 << 20 || !BitOperations.IsPow2(alignment))
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, "Alignment must be a power of two up to 2 MiB.");
        if (bytes >= HugePageBytes && OperatingSystem.IsLinux())
            return OfPages(bytes);
        var room = checked((nuint)bytes + (nuint)alignment);
        var allocation = (byte*)NativeMemory.AllocZeroed(room);
        return new NativeBuffer(allocation, 0, Aligned(allocation, alignment), bytes);
    }

    /// <summary>A checked window of <paramref name="count"/> values at a byte offset.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The window is not inside the buffer.</exception>
    /// <exception cref="ObjectDisposedException">The buffer has been freed.</exception>
    public Span<T> AsSpan<T>(long offsetBytes, int count) where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        // SAFETY: Slice checks the range; a count of values times their size fits in 64 bits.
        return new Span<T>(View.Slice(offsetBytes, (long)count * Unsafe.SizeOf<T>()).Pointer, count);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        // SAFETY: the handle came from where _pagesBytes says and SafeHandle calls this once.
        if (_pagesBytes > 0 && OperatingSystem.IsLinux())
            return SystemPages.Unmap(handle, _pagesBytes);
        NativeMemory.Free((void*)handle);
        return true;
    }

    /// <remarks>
    /// The system zeroes page by page at first touch: room that is never used costs nothing, and the threads that fill a buffer share
    /// the work. The C library would write zeros over all of it, once memory of that size has been freed before.
    /// </remarks>
    [SupportedOSPlatform("linux")]
    private static NativeBuffer OfPages(long bytes)
    {
        var room = checked((nuint)bytes + HugePageBytes);
        var pages = (byte*)SystemPages.Map(room);
        if (pages == null)
            throw new InsufficientMemoryException($"The system gives no {bytes} bytes.");
        var aligned = Aligned(pages, HugePageBytes);
        SystemPages.AdviseHuge((nint)aligned, (nuint)bytes & ~((nuint)HugePageBytes - 1));
        return new NativeBuffer(pages, room, aligned, bytes);
    }

    private static byte* Aligned(byte* allocation, int alignment) => (byte*)(((nuint)allocation + (nuint)alignment - 1) & ~((nuint)alignment - 1));
}
