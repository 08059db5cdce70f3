using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Fathom.Memory;

/// <summary>Zeroed, aligned native memory with one owner.</summary>
/// <remarks>
/// Whoever allocates it disposes it; a forgotten one is freed by its finalizer. Any thread may use it; nothing guards the
/// contents. Spans and pointers taken from it end with it.
/// </remarks>
public sealed unsafe partial class NativeBuffer : SafeHandle
{
    private const int HugePageBytes = 2 << 20;
    private const int MadviseHugePage = 14; // MADV_HUGEPAGE

    private readonly byte* _aligned;

    private NativeBuffer(void* allocation, byte* aligned, long length)
        : base(nint.Zero, ownsHandle: true)
    {
        SetHandle((nint)allocation);
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
        if (bytes >= HugePageBytes)
            alignment = HugePageBytes;
        // Zeroed by the system page by page at first touch, so that the threads that fill a large buffer share that work.
        var allocation = (byte*)NativeMemory.AllocZeroed(checked((nuint)bytes + (nuint)alignment));
        var aligned = (byte*)(((nuint)allocation + (nuint)alignment - 1) & ~((nuint)alignment - 1));
        if (bytes >= HugePageBytes && OperatingSystem.IsLinux())
        {
            // Only advice: a refusal changes speed, nothing else.
            _ = AdviseMemory(aligned, (nuint)bytes & ~((nuint)HugePageBytes - 1), MadviseHugePage);
        }
        return new NativeBuffer(allocation, aligned, bytes);
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
        // SAFETY: the handle came from AllocZeroed and SafeHandle calls this once.
        NativeMemory.Free((void*)handle);
        return true;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int AdviseMemory(byte* address, nuint length, int advice);
}
