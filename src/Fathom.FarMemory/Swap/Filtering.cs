using Fathom.FarMemory.Epochs;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;

namespace Fathom.FarMemory.Swap;

/// <summary>How hard room is needed: what counts as cold.</summary>
internal enum FilterPressure
{
    /// <summary>Objects that were touched neither in this round nor in the last.</summary>
    Low,

    /// <summary>Objects that were not touched in this round.</summary>
    Middle,

    /// <summary>Everything that nobody holds, the spans that threads allocate in included.</summary>
    High,
}

/// <summary>
/// Finds what may leave: goes round all spans like the hand of a clock, ages the hotness of their objects, and sorts the objects of mixed
/// spans into hot and cold ones, so that what leaves is cold and what stays is hot. Places of freed objects are dropped on the way.
/// </summary>
/// <remarks>One per filtering thread; nothing is shared but the spans, of which a state other than Resident or Current belongs to somebody.</remarks>
internal sealed unsafe class Filtering(
    ObjectSpace space, EpochDomain epochs, ColdSpans cold, FarHeapOptions options, FarHeapMeters meters)
{
    // A touched object has 255; a round leaves 63, 15, 3, 0 of it.
    private const int AgingShift = 2;
    private const byte TouchedThisRound = PointerWord.Hottest >> AgingShift;
    private const byte TouchedLastRound = TouchedThisRound >> AgingShift;

    private const int SpansPerStep = 32;
    private const int MovesPerStep = 4096;

    private readonly List<EpochParticipant> _stragglers = [];
    private readonly List<MixedSpan> _mixed = [];
    private readonly List<Move> _moves = [];
    private readonly List<LocalSpan> _window = [];
    private readonly LocalSpan?[] _hotTargets = new LocalSpan?[SizeClasses.Count];
    private readonly LocalSpan?[] _coldTargets = new LocalSpan?[SizeClasses.Count];
    private int _hand;

    /// <summary>Looks at the next spans under the hand.</summary>
    /// <param name="pressure">What counts as cold.</param>
    /// <param name="looked">Spans passed, whether they could be looked at or not.</param>
    /// <returns>Spans that went to the cold queue or back to the page heap.</returns>
    public int Step(FilterPressure pressure, out int looked)
    {
        _mixed.Clear();
        _moves.Clear();
        var gained = 0;
        looked = 0;
        var count = space.Pages.SpanCount;
        var spans = space.Pages.Spans;
        while (looked < Math.Min(count, SpansPerStep) && _moves.Count < MovesPerStep && !cold.IsFull)
        {
            looked++;
            _hand = _hand + 1 < count ? _hand + 1 : 0;
            if (spans[_hand] is { } span && TryClaim(span, pressure))
                gained += Sort(span, pressure);
        }
        if (_mixed.Count > 0)
            gained += MoveAll();
        return gained;
    }

    /// <summary>Sends the spans out of the way of a run that is needed, when enough is free but scattered.</summary>
    public int ClearWindow(int pages)
    {
        var gained = 0;
        space.Pages.SpansInBestWindow(pages, _window);
        foreach (var span in _window)
        {
            if (!TryClaim(span, FilterPressure.High))
                continue;
            if (Look(span, FilterPressure.High) is not { } look)
            {
                Return(span);
                continue;
            }
            span.IsForced = true;
            Retire(span, look.Live);
            gained++;
        }
        return gained;
    }

    /// <summary>Offers what was collected so far, although its spans are not full.</summary>
    public int Flush()
    {
        var gained = 0;
        for (var i = 0; i < SizeClasses.Count; i++)
        {
            if (_coldTargets[i] is { } target)
            {
                _coldTargets[i] = null;
                Retire(target, target.Live);
                gained++;
            }
            if (_hotTargets[i] is { } kept)
            {
                _hotTargets[i] = null;
                Return(kept);
            }
        }
        return gained;
    }

    private bool TryClaim(LocalSpan span, FilterPressure pressure)
    {
        span.Lock();
        var isOurs = Volatile.Read(ref span.PinCount) == 0
            && (span.State == SpanState.Resident || span.State == SpanState.Current && pressure == FilterPressure.High);
        if (isOurs)
        {
            space.Withdraw(span);
            span.State = SpanState.Filtering;
        }
        span.Unlock();
        return isOurs;
    }

    private int Sort(LocalSpan span, FilterPressure pressure)
    {
        // A large object comes back without neighbours that nobody asked for: it goes a round earlier.
        if (span.Capacity == 1 && pressure == FilterPressure.Low)
            pressure = FilterPressure.Middle;
        if (Look(span, pressure) is not { } look)
        {
            Return(span);
            return 0;
        }
        if (look.Hot == 0)
        {
            Retire(span, look.Live);
            return 1;
        }
        if (look.Hot == look.Live || span.Class < 0)
        {
            Return(span);
            return 0;
        }
        // The smaller part moves. When the hot objects go, the rest of the span leaves as it is.
        var hotLeave = look.Hot * 2 <= look.Live;
        var firstMove = _moves.Count;
        Mark(span, pressure, hotLeave);
        _mixed.Add(new MixedSpan(span, firstMove, _moves.Count - firstMove, hotLeave));
        return 0;
    }

    /// <summary>Ages the objects of a claimed span and counts them; null when one of them is being made.</summary>
    private static Census? Look(LocalSpan span, FilterPressure pressure)
    {
        int live = 0, hot = 0;
        for (var i = 0; i < span.Capacity; i++)
        {
            // SAFETY: the reverse table is inside the span; slots stay mapped for the heap's life.
            var reverse = Volatile.Read(ref span.Reverse[i]);
            if (reverse == 0)
                continue;
            if ((reverse & LocalSpan.UnderConstruction) != 0)
                return null;
            var slot = (ulong*)reverse;
            var word = new PointerWord(Volatile.Read(ref *slot));
            if (!word.PointsTo((ulong)span.ObjectAt(i)))
                continue; // being freed
            live++;
            var aged = word.WithHotness((byte)(word.Hotness >> AgingShift));
            if (IsHot(aged, pressure))
                hot++;
            if (word.Hotness != 0 && !word.IsLocked)
                _ = Interlocked.CompareExchange(ref *slot, aged.Value, word.Value);
        }
        return new Census(live, hot);
    }

    /// <summary>Whether an object that was aged in this round counts as hot.</summary>
    private static bool IsHot(PointerWord aged, FilterPressure pressure) => pressure switch
    {
        FilterPressure.Low => aged.Hotness >= TouchedLastRound,
        FilterPressure.Middle => aged.Hotness >= TouchedThisRound,
        _ => false,
    };

    /// <summary>Sets M on the objects that are to move.</summary>
    private void Mark(LocalSpan span, FilterPressure pressure, bool hotLeave)
    {
        for (var i = 0; i < span.Capacity; i++)
        {
            var slot = (ulong*)Volatile.Read(ref span.Reverse[i]);
            if (slot == null)
                continue;
            var word = new PointerWord(Volatile.Read(ref *slot));
            if (!word.PointsTo((ulong)span.ObjectAt(i)) || word.IsLocked)
                continue;
            if (IsHot(word, pressure) != hotLeave)
                continue;
            if (Interlocked.CompareExchange(ref *slot, word.With(PointerWord.Moving).Value, word.Value) == word.Value)
                _moves.Add(new Move((nint)slot, i));
        }
    }

    /// <summary>One grace period for all marks, then the race for each object.</summary>
    private int MoveAll()
    {
        var gained = 0;
        epochs.Wait(epochs.Advance(), options.ScopePatience, _stragglers);
        foreach (var mixed in _mixed)
        {
            var span = mixed.Span;
            var isHeld = IsHeld(span);
            var moved = 0;
            for (var i = mixed.FirstMove; i < mixed.FirstMove + mixed.Moves; i++)
                moved += MoveOne(span, _moves[i], mixed.HotLeave, isHeld) ? 1 : 0;
            meters.Moved(moved);
            if (mixed.HotLeave && !isHeld && moved == mixed.Moves)
            {
                Retire(span, span.Live);
                gained++;
                continue;
            }
            Return(span);
        }
        return gained;
    }

    private bool IsHeld(LocalSpan span)
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

    /// <summary>Moves one marked object, unless its span is held or the application wins; false when it stayed.</summary>
    private bool MoveOne(LocalSpan source, Move move, bool toHot, bool isHeld)
    {
        var slot = (ulong*)move.Slot;
        var address = (ulong)source.ObjectAt(move.ObjectIndex);
        var place = isHeld ? null : TakePlace(source, toHot, slot);
        while (true)
        {
            var word = new PointerWord(Volatile.Read(ref *slot));
            if (!word.PointsTo(address))
            {
                Undo(place);
                WriteOff(source, move.ObjectIndex);
                return true;
            }
            if (!word.IsMoving)
            {
                Undo(place); // the application won and uses it where it is
                return false;
            }
            var target = place is null ? word.Without(PointerWord.Moving) : word.With(PointerWord.Locked);
            if (Interlocked.CompareExchange(ref *slot, target.Value, word.Value) != word.Value)
                continue;
            if (place is not { } taken)
                return false;
            // SAFETY: same class, same object size; nobody holds or enters the source since the grace period.
            Buffer.MemoryCopy((void*)address, taken.Address, source.ObjectBytes, source.ObjectBytes);
            Volatile.Write(ref *slot, PointerWord.Local((ulong)taken.Address, word.Hotness, word.IsShared).Value);
            taken.Span.Publish(taken.ObjectIndex, slot);
            space.Vacate(source, move.ObjectIndex);
            return true;
        }
    }

    /// <summary>
    /// Gives back the place of an object that is gone. Freed under its mark, it left the place to whoever marked it; freed after the
    /// application had taken the mark off, it took the place with it. Nobody takes places in a claimed span: its reverse pointer tells.
    /// </summary>
    private static void WriteOff(LocalSpan source, int objectIndex)
    {
        source.Lock();
        if (source.Reverse[objectIndex] != 0)
            source.Vacate(objectIndex);
        source.Unlock();
    }

    private void Undo(Place? place)
    {
        if (place is { } taken)
            space.Vacate(taken.Span, taken.ObjectIndex);
    }

    /// <summary>A place among objects of the same class and temperature; null when there is no memory for one.</summary>
    private Place? TakePlace(LocalSpan source, bool isHot, ulong* slot)
    {
        ref var current = ref (isHot ? _hotTargets : _coldTargets)[source.Class];
        while (true)
        {
            if (current is null)
            {
                current = space.Pages.TryAllocate(source.Class, SizeClasses.Get(source.Class), PageUse.Reclaim);
                if (current is null)
                    return null;
            }
            current.Lock();
            var objectIndex = current.Reserve(slot);
            current.Unlock();
            if (objectIndex >= 0)
                return new Place(current, objectIndex);
            var full = current;
            current = null;
            if (isHot)
                Return(full);
            else
                Retire(full, full.Live);
        }
    }

    /// <summary>Gives a claimed span back to the application's use.</summary>
    private void Return(LocalSpan span)
    {
        span.Lock();
        span.State = SpanState.Resident;
        space.Settle(span);
    }

    /// <summary>Hands a claimed span to the eviction, or its pages back when nothing lives in it.</summary>
    private void Retire(LocalSpan span, int live)
    {
        if (live == 0)
        {
            Return(span);
            return;
        }
        span.Lock();
        span.State = SpanState.Cold;
        span.Unlock();
        cold.Add(span);
    }

    private readonly record struct Census(int Live, int Hot);

    private readonly record struct Move(nint Slot, int ObjectIndex);

    private readonly record struct MixedSpan(LocalSpan Span, int FirstMove, int Moves, bool HotLeave);
}
