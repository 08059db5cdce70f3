using System.Diagnostics;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pointers;
using Fathom.FarMemory.Pool;
using Fathom.Memory;

namespace Fathom.FarMemory.Swap;

/// <summary>Brings a far span back: one read into fresh pages, then every pointer that names it is turned to its new place.</summary>
/// <remarks>
/// Any thread may run it; the far span table lets one at a time read a span. The copy is exclusive: once the pointers are local the
/// far bytes are released. Allocates nothing.
/// </remarks>
internal sealed unsafe class SwapIn(
    FarSpanTable table, ObjectSpace space, IFarPool pool, TimeSpan readTimeout, FarHeapMeters meters)
{
    /// <summary>Makes the span of a far pointer local, or finds that somebody else did.</summary>
    /// <returns>False when there is no such span any more: the pointer must be looked at again.</returns>
    /// <exception cref="FarObjectLostException">The bytes are gone.</exception>
    /// <exception cref="SwapInFailedException">They could not be read in time.</exception>
    /// <exception cref="LocalMemoryExhaustedException">There was no room for them in time.</exception>
    public bool Run(PointerWord word, ThreadCache cache)
    {
        var slot = cache.Participant.Slot;
        // Background work need not wait for the end of a scope that itself waits here.
        Volatile.Write(ref slot->Parked, 1);
        try
        {
            return RunParked(word, cache);
        }
        finally
        {
            Volatile.Write(ref slot->Parked, 0);
        }
    }

    private bool RunParked(PointerWord word, ThreadCache cache)
    {
        var id = new SpanId(word.Span);
        var start = Stopwatch.GetTimestamp();
        switch (table.BeginRead(id, space.RoomDeadline(), out var sizeClass, out var shape))
        {
            case FarReadStart.Gone:
                return false;
            case FarReadStart.TimedOut:
                throw new SwapInFailedException(id, word.ObjectIndex, ReadStatus.Deadline);
        }
        var isLocal = false;
        LocalSpan? span = null;
        try
        {
            span = space.TakeSpan(cache, sizeClass, shape, space.RoomDeadline());
            var outcome = pool.ReadSpan(id, span.View, readTimeout);
            if (outcome.Status == ReadStatus.Lost)
                throw new FarObjectLostException(id, word.ObjectIndex);
            if (!outcome.IsRead)
                throw new SwapInFailedException(id, word.ObjectIndex, outcome.Status);
            Invariant.Check(outcome.LengthBytes == span.Bytes);
            Install(span, id, word.ObjectIndex);
            isLocal = true;
            meters.SwappedIn(span.Bytes, Stopwatch.GetElapsedTime(start), outcome.IsDegraded);
            return true;
        }
        finally
        {
            if (!isLocal && span is not null)
            {
                span.State = SpanState.Free;
                space.Pages.Release(span);
            }
            if (table.EndRead(id, isLocal))
                pool.Release(id);
        }
    }

    /// <summary>Turns every pointer that still names the far span to the local one; objects without such a pointer were freed.</summary>
    private void Install(LocalSpan span, SpanId id, int wanted)
    {
        // The lock is held throughout: an object that is freed as soon as its pointer is local waits for the count to be right.
        span.Lock();
        var reverse = span.Reverse;
        for (var i = 0; i < span.Capacity; i++)
        {
            // SAFETY: the reverse pointers are what was written when the span left, by checksum; slots stay mapped for the heap's life.
            var slot = (ulong*)reverse[i];
            if (slot == null)
                continue;
            if (TurnLocal(slot, id, i, span.ObjectAt(i), i == wanted ? PointerWord.Hottest : (byte)0))
                span.Live++;
            else
                reverse[i] = 0;
        }
        span.State = SpanState.Resident;
        space.Settle(span);
    }

    private static bool TurnLocal(ulong* slot, SpanId id, int objectIndex, byte* address, byte hotness)
    {
        while (true)
        {
            var word = new PointerWord(Volatile.Read(ref *slot));
            if (word.IsPresent || word.Span != id.Value || word.ObjectIndex != objectIndex)
                return false;
            var local = PointerWord.Local((ulong)address, hotness, word.IsShared);
            if (Interlocked.CompareExchange(ref *slot, local.Value, word.Value) == word.Value)
                return true;
        }
    }
}
