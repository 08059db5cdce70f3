using System.Diagnostics;
using Fathom.FarMemory.Epochs;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Swap;

namespace Fathom.FarMemory.Pointers;

/// <summary>The long way of a pointer: far objects, objects about to be moved or evicted, full logs; and the end of objects.</summary>
/// <remarks>
/// Any thread may call any member, inside a scope where it says so. A pointer with a mark belongs to two: the background thread that
/// marked it, and the application, which races it for the word.
/// </remarks>
internal sealed unsafe class PointerBarrier(ObjectSpace space, SwapIn swapIn, FarSpanTable table, IFarPool pool, FarHeapMeters meters)
{
    /// <summary>Address of the object behind a slot, local and held by the calling thread's scope.</summary>
    /// <exception cref="InvalidOperationException">The pointer names no object, or one of another heap.</exception>
    /// <exception cref="FarMemoryException">The object could not be brought here; the type says why.</exception>
    public byte* Dereference(ulong* slot, ThreadCache cache)
    {
        var deadline = 0L;
        var spin = new SpinWait();
        while (true)
        {
            var word = new PointerWord(Volatile.Read(ref *slot));
            if (word.IsNull)
                throw new InvalidOperationException("The pointer names no object: it was freed or never allocated.");
            if (!word.IsPresent)
            {
                // A span that leaves again before it is used is brought back again, for as long as a wait for room may last.
                if (deadline == 0)
                    deadline = space.RoomDeadline();
                else if (Stopwatch.GetTimestamp() > deadline)
                    throw new SwapInFailedException(new SpanId(word.Span), word.ObjectIndex, ReadStatus.Deadline);
                // A pointer is turned before its span is forgotten: one that still names an unknown span is not of this heap.
                if (!swapIn.Run(word, cache) && Volatile.Read(ref *slot) == word.Value)
                    throw new InvalidOperationException("The pointer is not of the heap whose scope was passed.");
            }
            else if (word.IsLocked)
            {
                spin.SpinOnce(sleep1Threshold: 20); // held for the length of a copy
            }
            else if (word is { IsEvicting: true, IsMoving: true })
            {
                CopyOut(slot, word, cache, ref deadline);
            }
            else if (word.IsEvicting || word.IsMoving)
            {
                // Only announced: an open scope, this one too, may hold the object where it is, so it must stay there. Nothing has been
                // done to it yet, and nothing will be without the mark.
                var won = word.Without(PointerWord.Evicting | PointerWord.Moving);
                if (Interlocked.CompareExchange(ref *slot, won.Value, word.Value) == word.Value)
                    meters.RaceWon();
            }
            else if (TryHold(slot, word, cache.Participant))
            {
                return (byte*)word.Address;
            }
        }
    }

    /// <summary>Brings the object behind a slot to local memory, for somebody who will dereference it.</summary>
    /// <remarks>
    /// Neither holds the object nor writes its word, so the owner may free it meanwhile and use the slot again: what is brought then is
    /// whatever the slot names at each look, or nothing.
    /// </remarks>
    /// <exception cref="FarMemoryException">The object could not be brought here; the type says why.</exception>
    public void Bring(ulong* slot, ThreadCache cache)
    {
        var word = new PointerWord(Volatile.Read(ref *slot));
        while (!word.IsNull && !word.IsPresent && !swapIn.Run(word, cache))
        {
            var before = word;
            word = new PointerWord(Volatile.Read(ref *slot));
            if (word == before)
                return; // of another heap, as the dereference will say
        }
    }

    /// <summary>Ends the object behind a slot, wherever it is; the slot's word is 0 afterwards.</summary>
    /// <returns>False when the pointer named no object.</returns>
    public bool Free(ulong* slot)
    {
        var spin = new SpinWait();
        while (true)
        {
            var word = new PointerWord(Volatile.Read(ref *slot));
            if (word.IsNull)
                return false;
            if (word.IsLocked)
            {
                spin.SpinOnce(sleep1Threshold: 20);
                continue;
            }
            if (!word.IsPresent)
            {
                if (Interlocked.CompareExchange(ref *slot, 0, word.Value) != word.Value)
                    continue;
                var id = new SpanId(word.Span);
                if (table.ObjectDied(id))
                    pool.Release(id);
                return true;
            }
            if (word.IsEvicting || word.IsMoving)
            {
                // Whoever marked it finds the pointer gone and frees the place: an evicting span's bytes must not change now.
                if (Interlocked.CompareExchange(ref *slot, 0, word.Value) == word.Value)
                    return true;
                continue;
            }
            if (Interlocked.CompareExchange(ref *slot, word.With(PointerWord.Locked).Value, word.Value) != word.Value)
                continue;
            var span = space.Pages.SpanAt(word.Address);
            space.Vacate(span, span.IndexOf(word.Address));
            Volatile.Write(ref *slot, 0);
            return true;
        }
    }

    /// <summary>Tells background threads that this scope uses the page, then makes sure that they were told in time.</summary>
    private static bool TryHold(ulong* slot, PointerWord word, EpochParticipant participant)
    {
        var log = participant.Slot;
        if (log->LogCount == EpochSlot.LogEntriesMax)
            participant.SpillLog();
        log->Log[log->LogCount] = (uint)(word.Address >> EpochSlot.PageShift);
        Volatile.Write(ref log->LogCount, log->LogCount + 1);
        var again = Volatile.Read(ref *slot);
        if (((again ^ word.Value) & ~PointerWord.HotnessMask) != 0)
            return false;
        ((byte*)slot)[PointerWord.HotnessShift / 8] = PointerWord.Hottest;
        return true;
    }

    /// <summary>
    /// The object's span is on its way out and its bytes must stay as they are: the application takes a copy and goes on with that. The
    /// eviction finds the pointer elsewhere and writes the object off.
    /// </summary>
    private void CopyOut(ulong* slot, PointerWord word, ThreadCache cache, ref long deadline)
    {
        // The lock below proves that the span is still the one that was looked up: the word, mark and address, is unchanged.
        var seen = space.Pages.Releases;
        var bytes = space.Pages.SpanAt(word.Address).ObjectBytes;
        if (!space.TryTake(cache, bytes, slot, PageUse.Reclaim, out var place))
        {
            if (deadline == 0)
                deadline = space.RoomDeadline();
            // The eviction that is under way ends with room, or with the mark taken off.
            if (Volatile.Read(ref *slot) == word.Value)
                space.WaitForRoom(cache, ObjectSpace.ShapeFor(bytes, out _).Pages, seen, deadline);
            return;
        }
        if (Interlocked.CompareExchange(ref *slot, word.With(PointerWord.Locked).Value, word.Value) != word.Value)
        {
            space.Vacate(place.Span, place.ObjectIndex);
            return;
        }
        // SAFETY: both places have room for the class's object size; the source is still while the word is locked.
        Buffer.MemoryCopy((void*)word.Address, place.Address, bytes, bytes);
        Volatile.Write(ref *slot, PointerWord.Local((ulong)place.Address, PointerWord.Hottest, word.IsShared).Value);
        place.Span.Publish(place.ObjectIndex, slot);
        meters.RaceWon();
    }
}
