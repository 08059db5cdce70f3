using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Fathom.FarMemory.Epochs;

/// <summary>
/// One thread's part in the epochs of one heap, in native memory: whether it is inside a scope, since which epoch, and which pages it
/// dereferenced there.
/// </summary>
/// <remarks>
/// Written by its thread alone; background threads read it. The thread writes without fences: whoever reads issues
/// <see cref="Interlocked.MemoryBarrierProcessWide"/> first. Pages are address / 8 KiB, the low 32 bits: a clash holds one page too many.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal unsafe struct EpochSlot
{
    /// <summary>Pages remembered before they go into the bitmap.</summary>
    public const uint LogEntriesMax = 4096;

    public const int PageShift = 13;

    /// <summary>Epoch at which the outermost scope began; 0 outside of scopes.</summary>
    [FieldOffset(0)]
    public ulong ActiveEpoch;

    [FieldOffset(8)]
    public uint LogCount;

    /// <summary>Scopes entered and not left.</summary>
    [FieldOffset(12)]
    public uint Depth;

    [FieldOffset(16)]
    public uint* Log;

    [FieldOffset(24)]
    public ulong* CurrentEpoch;

    /// <summary>One bit for each page of the heap, made when a scope first outgrows its log; null before.</summary>
    [FieldOffset(32)]
    public ulong* Held;

    /// <summary>The bitmap has bits of this scope.</summary>
    [FieldOffset(40)]
    public uint HeldInUse;

    /// <summary>The thread waits inside a scope (for a swap-in, for memory): nobody gains by waiting for the scope's end.</summary>
    [FieldOffset(44)]
    public uint Parked;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter()
    {
        if (Depth++ == 0)
            Volatile.Write(ref ActiveEpoch, Volatile.Read(ref *CurrentEpoch));
    }

    /// <summary>Leaves one scope. Returns true when it was the outermost and pages must be cleared from the bitmap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Exit()
    {
        if (Depth == 0)
            return false; // a copy of a scope that was disposed twice
        if (--Depth != 0)
            return false;
        Volatile.Write(ref LogCount, 0);
        if (HeldInUse != 0)
            return true;
        Volatile.Write(ref ActiveEpoch, 0);
        return false;
    }
}
