using Fathom.FarMemory.Epochs;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pointers;
using Fathom.FarMemory.Pool;

namespace Fathom.FarMemory.Swap;

/// <summary>
/// Sends cold spans to far memory in sets. Announces it on every pointer (E), waits a grace period, makes the marks final (E and M),
/// writes; then turns the pointers that are still there to the far copy and gives the pages back. An object that the application
/// touches before the marks are final keeps its whole span here; one that it touches afterwards is copied out.
/// </summary>
/// <remarks>One per eviction thread. Local bytes stay until the pool has acknowledged the whole set; a failed write changes nothing.</remarks>
internal sealed unsafe class Eviction(
    ObjectSpace space, FarSpanTable table, EpochDomain epochs, IFarPool pool, FarHeapOptions options, FarHeapMeters meters,
    CancellationToken stopping)
{
    private readonly List<EpochParticipant> _stragglers = [];
    private readonly List<LocalSpan> _marked = [];
    private readonly List<SetWrite> _writes = [];

    /// <summary>Evicts what it can of <paramref name="spans"/>, all in state Cold, those of one length together.</summary>
    /// <returns>How the first write that failed ended; null when none failed.</returns>
    public WriteStatus? Run(List<LocalSpan> spans)
    {
        _marked.Clear();
        foreach (var span in spans)
        {
            if (TryMark(span))
                _marked.Add(span);
        }
        if (_marked.Count == 0)
            return null;
        var epoch = epochs.Advance();
        epochs.Wait(epoch, options.ScopePatience, _stragglers);
        for (var i = _marked.Count - 1; i >= 0; i--)
        {
            if (!IsInUse(_marked[i]) && TryFix(_marked[i]))
                continue;
            Abandon(_marked[i]);
            _marked.RemoveAt(i);
        }
        Write();
        return Finish();
    }

    /// <summary>Marks the pointers of a span; false when it is pinned or has become hot.</summary>
    private bool TryMark(LocalSpan span)
    {
        span.Lock();
        if (Volatile.Read(ref span.PinCount) > 0)
        {
            span.State = SpanState.Resident;
            space.Settle(span);
            return false;
        }
        span.State = SpanState.Evicting;
        span.Unlock();
        int hot = 0, live = 0;
        for (var i = 0; i < span.Capacity; i++)
        {
            if (MarkObject(span, i) is not { } hotness)
                continue;
            live++;
            hot += hotness == PointerWord.Hottest ? 1 : 0;
        }
        // Between filtering and now the application came back to most of it: sending it away would only bring it back.
        if (live > 0 && (span.IsForced || hot * 2 <= live))
            return true;
        Abandon(span);
        return false;
    }

    /// <summary>Sets E on one pointer; returns the hotness it had, or null when the object has gone.</summary>
    private static byte? MarkObject(LocalSpan span, int objectIndex)
    {
        var address = (ulong)span.ObjectAt(objectIndex);
        var spin = new SpinWait();
        while (true)
        {
            // SAFETY: the reverse table is inside the span; slots stay mapped for the heap's life.
            var slot = (ulong*)Volatile.Read(ref span.Reverse[objectIndex]);
            if (slot == null)
                return null;
            var word = new PointerWord(Volatile.Read(ref *slot));
            if (word.PointsTo(address) && !word.IsLocked)
            {
                if (Interlocked.CompareExchange(ref *slot, word.With(PointerWord.Evicting).Value, word.Value) == word.Value)
                    return word.Hotness;
                continue;
            }
            spin.SpinOnce(sleep1Threshold: 20); // being freed: its reverse pointer is about to go
        }
    }

    private bool IsInUse(LocalSpan span)
    {
        if (Volatile.Read(ref span.PinCount) > 0)
            return true;
        foreach (var straggler in _stragglers)
        {
            if (straggler.Holds(span.FirstPage, span.Pages))
                return true;
        }
        return false;
    }

    /// <summary>Makes the marks final; false when the application has taken one off and uses the object where it is.</summary>
    private static bool TryFix(LocalSpan span)
    {
        for (var i = 0; i < span.Capacity; i++)
        {
            var slot = (ulong*)Volatile.Read(ref span.Reverse[i]);
            if (slot == null)
                continue;
            var word = new PointerWord(Volatile.Read(ref *slot));
            if (!word.PointsTo((ulong)span.ObjectAt(i)))
                continue; // freed under the mark
            if (!word.IsEvicting)
                return false;
            // A word that changes between these two was freed, or unmarked by the application: the next look tells which.
            if (Interlocked.CompareExchange(ref *slot, word.With(PointerWord.Moving).Value, word.Value) != word.Value)
                i--;
        }
        return true;
    }

    private void Write()
    {
        _writes.Clear();
        for (var first = 0; first < _marked.Count;)
        {
            var count = 1;
            while (count < pool.SpansPerSet && first + count < _marked.Count && _marked[first + count].Pages == _marked[first].Pages)
                count++;
            var images = new SpanImage[count];
            for (var i = 0; i < count; i++)
                images[i] = new SpanImage(_marked[first + i].View);
            var ids = new SpanId[count];
            var outcome = pool.WriteSpanSetAsync(images, ids, options.EvictionTimeout, stopping).AsTask();
            _writes.Add(new SetWrite(first, count, ids, outcome));
            first += count;
        }
    }

    private WriteStatus? Finish()
    {
        WriteStatus? failed = null;
        foreach (var write in _writes)
        {
            // This thread exists to wait here; the pool bounds the wait by the timeout.
            var outcome = write.Outcome.GetAwaiter().GetResult();
            space.LastEviction = outcome.Status;
            meters.SetWritten(outcome.Status);
            for (var i = 0; i < write.Count; i++)
            {
                var span = _marked[write.First + i];
                if (outcome.IsWritten)
                    Complete(span, write.Ids[i]);
                else
                    Abandon(span);
            }
            if (!outcome.IsWritten)
                failed ??= outcome.Status;
        }
        return failed;
    }

    /// <summary>Turns the span's pointers to far memory and gives its pages back.</summary>
    private void Complete(LocalSpan span, SpanId id)
    {
        var shape = new SizeClass(span.ObjectBytes, span.Pages, span.Capacity);
        table.Add(id, span.Class, shape, span.Capacity);
        var missed = 0;
        for (var i = 0; i < span.Capacity; i++)
        {
            var slot = (ulong*)span.Reverse[i];
            if (slot == null || !TurnFar(slot, (ulong)span.ObjectAt(i), id, i))
                missed++;
        }
        if (table.Settle(id, missed))
            pool.Release(id);
        meters.SwappedOut(span.Bytes);
        span.Lock();
        span.State = SpanState.Free;
        span.Unlock();
        space.Pages.Release(span);
    }

    private static bool TurnFar(ulong* slot, ulong address, SpanId id, int objectIndex)
    {
        var spin = new SpinWait();
        while (true)
        {
            var word = new PointerWord(Volatile.Read(ref *slot));
            if (!word.PointsTo(address))
                return false; // copied out or freed
            if (word.IsLocked)
            {
                spin.SpinOnce(sleep1Threshold: 20); // the application copies from here: the pages must stay until it is done
                continue;
            }
            var far = PointerWord.Far(id.Value, 0, objectIndex, word.IsShared);
            if (Interlocked.CompareExchange(ref *slot, far.Value, word.Value) == word.Value)
                return true;
        }
    }

    /// <summary>Takes the marks off: the span stays. What the application copied or freed meanwhile is gone from it.</summary>
    private void Abandon(LocalSpan span)
    {
        span.Lock();
        for (var i = 0; i < span.Capacity; i++)
        {
            var slot = (ulong*)span.Reverse[i];
            if (slot != null && !TryUnmark(slot, (ulong)span.ObjectAt(i)))
                span.Vacate(i);
        }
        span.IsForced = false;
        span.State = SpanState.Resident;
        space.Settle(span);
    }

    private static bool TryUnmark(ulong* slot, ulong address)
    {
        var spin = new SpinWait();
        while (true)
        {
            var word = new PointerWord(Volatile.Read(ref *slot));
            if (!word.PointsTo(address))
                return false;
            if (word.IsEvicting && word.IsLocked)
            {
                spin.SpinOnce(sleep1Threshold: 20);
                continue;
            }
            if (!word.IsEvicting)
                return true;
            if (Interlocked.CompareExchange(ref *slot, word.Without(PointerWord.Evicting | PointerWord.Moving).Value, word.Value) == word.Value)
                return true;
        }
    }

    private readonly record struct SetWrite(int First, int Count, SpanId[] Ids, Task<WriteOutcome> Outcome);
}
