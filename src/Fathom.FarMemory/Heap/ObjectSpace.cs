using System.Diagnostics;
using Fathom.FarMemory.Pool;

namespace Fathom.FarMemory.Heap;

/// <summary>A place in local memory that is taken and not yet published.</summary>
internal readonly unsafe record struct Place(LocalSpan Span, int ObjectIndex)
{
    public byte* Address => Span.ObjectAt(ObjectIndex);
}

/// <summary>Allocation in local memory: thread cache, then central list, then page heap.</summary>
/// <remarks>Any thread may call any member with its own cache.</remarks>
internal sealed unsafe class ObjectSpace(PageHeap pages, TimeSpan roomTimeout)
{
    private readonly CentralList[] _central = [.. Enumerable.Range(0, SizeClasses.Count).Select(_ => new CentralList())];
    private int _lastEviction = -1;

    public PageHeap Pages { get; } = pages;

    /// <summary>How the last write to far memory ended; named by what cannot get room.</summary>
    public WriteStatus? LastEviction
    {
        get => Volatile.Read(ref _lastEviction) is var status && status < 0 ? null : (WriteStatus)status;
        set => Volatile.Write(ref _lastEviction, value is { } status ? (int)status : -1);
    }

    /// <summary>Stopwatch timestamp until which a wait for room may last from now.</summary>
    public long RoomDeadline() => Stopwatch.GetTimestamp() + (long)(roomTimeout.TotalSeconds * Stopwatch.Frequency);

    /// <summary>Takes a place for <paramref name="bytes"/>, waiting for room up to the heap's limit.</summary>
    /// <param name="cache">The calling thread's.</param>
    /// <param name="bytes">Size of the object.</param>
    /// <param name="slot">Slot that will point to it.</param>
    /// <exception cref="LocalMemoryExhaustedException">No room in time.</exception>
    public Place Take(ThreadCache cache, int bytes, ulong* slot)
    {
        long deadline = 0;
        while (true)
        {
            var seen = Pages.Releases;
            if (TryTake(cache, bytes, slot, PageUse.Application, out var place))
                return place;
            if (deadline == 0)
                deadline = RoomDeadline();
            var shape = ShapeFor(bytes, out _);
            WaitForRoom(cache, shape.Pages, seen, deadline);
        }
    }

    /// <summary>A span of the given shape, waiting for room up to the deadline.</summary>
    /// <exception cref="LocalMemoryExhaustedException">No room in time.</exception>
    public LocalSpan TakeSpan(ThreadCache cache, int sizeClass, in SizeClass shape, long deadline)
    {
        while (true)
        {
            var seen = Pages.Releases;
            if (Pages.TryAllocate(sizeClass, shape, PageUse.Application) is { } span)
                return span;
            WaitForRoom(cache, shape.Pages, seen, deadline);
        }
    }

    /// <summary>Sleeps until pages came free.</summary>
    /// <exception cref="LocalMemoryExhaustedException">The deadline passed.</exception>
    public void WaitForRoom(ThreadCache cache, int pages, long seen, long deadline)
    {
        var slot = cache.Participant.Slot;
        Volatile.Write(ref slot->Parked, 1);
        var isRoom = Pages.WaitForRoom(pages, seen, deadline);
        Volatile.Write(ref slot->Parked, 0);
        if (!isRoom)
            throw new LocalMemoryExhaustedException((long)pages << SizeClasses.PageShift, (long)Pages.Pages << SizeClasses.PageShift, roomTimeout, LastEviction);
    }

    /// <summary>Takes a place if there is one now.</summary>
    public bool TryTake(ThreadCache cache, int bytes, ulong* slot, PageUse use, out Place place)
    {
        var shape = ShapeFor(bytes, out var sizeClass);
        if (sizeClass < 0)
            return TryTakeLarge(shape, slot, use, out place);
        ref var current = ref cache.Current[sizeClass];
        if (current is not null)
        {
            if (TryTakeIn(current, sizeClass, cache, slot, out place))
                return true;
            current = null;
        }
        var central = _central[sizeClass];
        while (central.Take() is { } listed)
        {
            if (TryAdopt(listed, sizeClass, cache) && TryTakeIn(listed, sizeClass, cache, slot, out place))
            {
                current = listed;
                return true;
            }
        }
        if (Pages.TryAllocate(sizeClass, shape, use) is { } span)
        {
            span.Lock();
            span.State = SpanState.Current;
            span.Owner = cache;
            span.Unlock();
            if (TryTakeIn(span, sizeClass, cache, slot, out place))
            {
                current = span;
                return true;
            }
        }
        place = default;
        return false;
    }

    /// <summary>Gives back a place that was taken or published; the object is gone.</summary>
    public void Vacate(LocalSpan span, int objectIndex)
    {
        span.Lock();
        span.Vacate(objectIndex);
        Settle(span);
    }

    /// <summary>
    /// Brings a span whose lock is held into the state that follows from what it holds, if nobody works on it: empty ones go back to
    /// the page heap, ones with room are offered. Releases the lock.
    /// </summary>
    public void Settle(LocalSpan span)
    {
        if (span.State != SpanState.Resident)
        {
            span.Unlock();
            return;
        }
        var central = span.Class < 0 ? null : _central[span.Class];
        if (span.Live > 0)
        {
            if (span.HasRoom)
                central?.Add(span);
            span.Unlock();
            return;
        }
        central?.Remove(span);
        span.State = SpanState.Free;
        span.Unlock();
        Pages.Release(span);
    }

    /// <summary>Takes a span whose lock is held out of allocation.</summary>
    public void Withdraw(LocalSpan span)
    {
        if (span.Class >= 0)
            _central[span.Class].Remove(span);
        span.Owner = null;
    }

    /// <summary>Gives up the current spans of a thread that is gone.</summary>
    public void Empty(ThreadCache cache)
    {
        foreach (var span in cache.Current)
        {
            if (span is null)
                continue;
            span.Lock();
            if (span.Owner == cache)
            {
                span.Owner = null;
                span.State = SpanState.Resident;
                Settle(span);
                continue;
            }
            span.Unlock();
        }
    }

    public static SizeClass ShapeFor(int bytes, out int sizeClass)
    {
        sizeClass = SizeClasses.ClassFor(bytes);
        return sizeClass < 0 ? SizeClasses.ForLarge(bytes) : SizeClasses.Get(sizeClass);
    }

    private bool TryTakeLarge(in SizeClass shape, ulong* slot, PageUse use, out Place place)
    {
        if (Pages.TryAllocate(-1, shape, use) is not { } span)
        {
            place = default;
            return false;
        }
        span.Lock();
        place = new Place(span, span.Reserve(slot));
        span.State = SpanState.Resident; // whoever looks at it meanwhile sees an object under construction
        span.Unlock();
        return true;
    }

    /// <summary>Takes a place in the thread's current span; when it is full or was taken away, the span is nobody's current any more.</summary>
    private static bool TryTakeIn(LocalSpan span, int sizeClass, ThreadCache cache, ulong* slot, out Place place)
    {
        span.Lock();
        // A span that was taken away may be back as this thread's current span of another class.
        if (span.Owner == cache && span.Class == sizeClass)
        {
            var objectIndex = span.Reserve(slot);
            if (objectIndex >= 0)
            {
                span.Unlock();
                place = new Place(span, objectIndex);
                return true;
            }
            span.Owner = null;
            span.State = SpanState.Resident;
        }
        span.Unlock();
        place = default;
        return false;
    }

    private static bool TryAdopt(LocalSpan span, int sizeClass, ThreadCache cache)
    {
        span.Lock();
        // Between the list and the lock the span may have been filtered, released, or reused for another class.
        var isOurs = span.State == SpanState.Resident && span.Class == sizeClass && span.Live < span.Capacity;
        if (isOurs)
        {
            span.State = SpanState.Current;
            span.Owner = cache;
        }
        span.Unlock();
        return isOurs;
    }
}
