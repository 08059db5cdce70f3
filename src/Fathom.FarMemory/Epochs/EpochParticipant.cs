using System.Numerics;
using Fathom.Memory;

namespace Fathom.FarMemory.Epochs;

/// <summary>A thread that takes part in the epochs of a heap: owner of its <see cref="EpochSlot"/>.</summary>
/// <remarks>Made by the thread; <see cref="IsAbandoned"/> is set when the thread is gone. Other threads only ask what it holds.</remarks>
internal sealed unsafe class EpochParticipant : IDisposable
{
    private readonly NativeBuffer _memory;
    private readonly ulong _firstPage;
    private readonly long _pages;
    private NativeBuffer? _held;
    private volatile bool _abandoned;

    public EpochParticipant(ulong* currentEpoch, ulong firstPage, long pages)
    {
        _firstPage = firstPage;
        _pages = pages;
        _memory = NativeBuffer.Allocate(sizeof(EpochSlot) + EpochSlot.LogEntriesMax * sizeof(uint), alignment: 128);
        Slot = (EpochSlot*)_memory.Pointer;
        Slot->Log = (uint*)(_memory.Pointer + sizeof(EpochSlot));
        Slot->CurrentEpoch = currentEpoch;
    }

    public EpochSlot* Slot { get; }

    /// <summary>Its thread has ended.</summary>
    public bool IsAbandoned
    {
        get => _abandoned;
        set => _abandoned = value;
    }

    /// <summary>The scope that the watchdog counted last, so that one scope counts once.</summary>
    public ulong ReportedEpoch { get; set; }

    /// <summary>What the watchdog saw at its last tick.</summary>
    public ulong WatchedEpoch { get; set; }

    /// <summary>Ticks since it first saw that.</summary>
    public ulong WatchedTicks { get; set; }

    /// <summary>Moves the log into the bitmap; called by the slot's thread when the log is full.</summary>
    public void SpillLog()
    {
        if (_held is null)
        {
            _held = NativeBuffer.Allocate((_pages + 63) / 64 * 8);
            Volatile.Write(ref *(nint*)&Slot->Held, (nint)_held.Pointer);
        }
        // SAFETY: Bit checks the range; the bitmap has a bit for each page of the heap. Bits are set before the log is emptied, and
        // readers look at the log first: a page is always seen in one of the two.
        for (uint i = 0; i < Slot->LogCount; i++)
        {
            if (Bit(Slot->Log[i]) is var bit && bit >= 0)
                Slot->Held[bit >> 6] |= 1UL << (int)(bit & 63);
        }
        Volatile.Write(ref Slot->HeldInUse, 1);
        Volatile.Write(ref Slot->LogCount, 0);
    }

    /// <summary>Ends the outermost scope of a slot whose bitmap is in use.</summary>
    public void ClearHeld()
    {
        _held!.View.AsSpan<ulong>().Clear();
        Slot->HeldInUse = 0;
        Volatile.Write(ref Slot->ActiveEpoch, 0);
    }

    /// <summary>Whether the open scope may have dereferenced something in a range of pages.</summary>
    /// <param name="firstPage">Address / 8 KiB.</param>
    /// <param name="pages">Length of the range.</param>
    /// <remarks>
    /// Sound for objects whose pointers were marked before a process-wide barrier that came before this call: a dereference that the
    /// barrier did not catch in the log looks at the pointer once more after logging and finds the mark.
    /// </remarks>
    public bool Holds(ulong firstPage, int pages)
    {
        var count = Math.Min(Volatile.Read(ref Slot->LogCount), EpochSlot.LogEntriesMax);
        var first = (uint)firstPage;
        for (uint i = 0; i < count; i++)
        {
            if (Volatile.Read(ref Slot->Log[i]) - first < (uint)pages)
                return true;
        }
        if (Volatile.Read(ref Slot->HeldInUse) == 0)
            return false;
        for (var page = first; page - first < (uint)pages; page++)
        {
            if (Bit(page) is var bit && bit >= 0 && (Volatile.Read(ref Slot->Held[bit >> 6]) >> (int)(bit & 63) & 1) != 0)
                return true;
        }
        return false;
    }

    /// <summary>Pages that the open scope holds, at most; for the watchdog's report.</summary>
    public long PagesHeld()
    {
        long held = Math.Min(Volatile.Read(ref Slot->LogCount), EpochSlot.LogEntriesMax);
        if (Volatile.Read(ref Slot->HeldInUse) != 0)
        {
            for (long i = 0; i < (_pages + 63) / 64; i++)
                held += BitOperations.PopCount(Volatile.Read(ref Slot->Held[i]));
        }
        return held;
    }

    public void Dispose()
    {
        _held?.Dispose();
        _memory.Dispose();
    }

    private long Bit(uint page)
    {
        long bit = page - (uint)_firstPage; // both are low 32 bits of a page number: the difference wraps right
        return bit < _pages ? bit : -1;
    }
}
