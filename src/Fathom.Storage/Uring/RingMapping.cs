using System.Runtime.InteropServices;
using Fathom.Storage.Native;

namespace Fathom.Storage.Uring;

/// <summary>Pages mapped by the system: a ring's queues, or the blocks that it reads into.</summary>
/// <remarks>
/// Blocks are mapped on their own, not taken from the heap: unmapping only drops this process's hold on the pages, so that a
/// device that is still writing into one can never write into memory that was given to somebody else.
/// </remarks>
internal sealed class RingMapping : SafeHandle
{
    private readonly nuint _length;

    private RingMapping(nint address, nuint length)
        : base(-1, ownsHandle: true)
    {
        _length = length;
        SetHandle(address);
    }

    /// <summary>First byte, at the start of a page.</summary>
    public nint Address => handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>Maps a part of a ring; null with the errno when the system refuses.</summary>
    public static RingMapping? OfRing(int ring, long offset, nuint length, out int errno) =>
        Map(length, UringCalls.Shared | UringCalls.Populate, ring, offset, out errno);

    /// <summary>Maps zeroed memory that child processes do not get; null with the errno when the system refuses.</summary>
    public static RingMapping? OfMemory(nuint length, out int errno)
    {
        var mapping = Map(length, UringCalls.Private | UringCalls.Anonymous, -1, 0, out errno);
        // Only advice: without it a child holds pages that it never looks at.
        if (mapping is not null)
            _ = UringCalls.Advise(mapping.Address, length, UringCalls.AdviseNoFork);
        return mapping;
    }

    private static RingMapping? Map(nuint length, int flags, int file, long offset, out int errno)
    {
        var address = UringCalls.Map(0, length, UringCalls.ReadWrite, flags, file, offset);
        errno = address == -1 ? Marshal.GetLastPInvokeError() : 0;
        return address == -1 ? null : new RingMapping(address, length);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => UringCalls.Unmap(handle, _length) == 0;
}
