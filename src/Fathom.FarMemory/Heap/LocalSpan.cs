using System.Diagnostics;
using Fathom.Memory;

namespace Fathom.FarMemory.Heap;

/// <summary>Where a local span is in its life.</summary>
internal enum SpanState
{
    /// <summary>Holds no pages; waits for reuse.</summary>
    Free,

    /// <summary>Being filled by a swap-in or by a filtering thread; nobody else allocates in it or moves it.</summary>
    Filling,

    /// <summary>One thread allocates in it.</summary>
    Current,

    /// <summary>Holds objects; may be taken for allocation or for filtering.</summary>
    Resident,

    /// <summary>A filtering thread looks at its objects or moves them.</summary>
    Filtering,

    /// <summary>Waits for its eviction.</summary>
    Cold,

    /// <summary>Its objects are marked and its bytes are on their way to far memory: nobody writes into it.</summary>
    Evicting,
}

/// <summary>
/// A run of pages in local memory with objects of one size. Objects stand from the first byte on; the table of their reverse pointers
/// (address of the slot, 0 for no object, lowest bit set while the object is being made) ends the span.
/// </summary>
/// <remarks>
/// <see cref="Lock"/> guards every member that is not said to be otherwise, and the reverse table. Objects of this class are reused
/// and never collected while the heap lives, so that swapping allocates nothing.
/// </remarks>
internal sealed unsafe class LocalSpan(int index)
{
    /// <summary>Bit of a reverse entry whose object is not published yet.</summary>
    public const ulong UnderConstruction = 1;

    private int _lock;

    /// <summary>Number in the heap's table of spans; never changes.</summary>
    public int Index { get; } = index;

    public byte* Start { get; private set; }

    public int Pages { get; private set; }

    /// <summary>Size class, or -1 for a large object's span.</summary>
    public int Class { get; private set; }

    public int ObjectBytes { get; private set; }

    /// <summary>Objects it has room for.</summary>
    public int Capacity { get; private set; }

    /// <summary>Objects it holds.</summary>
    public int Live { get; set; }

    /// <summary>Reverse entries before this one are taken.</summary>
    public int Cursor { get; set; }

    public SpanState State { get; set; }

    /// <summary>Pins, changed by <see cref="Interlocked"/>; a pinned span stays where it is.</summary>
    public int PinCount;

    /// <summary>Thread cache that allocates in it, while <see cref="SpanState.Current"/>.</summary>
    public ThreadCache? Owner { get; set; }

    // Links of the central list of its class, guarded by that list's lock.
    public LocalSpan? Next { get; set; }

    public LocalSpan? Previous { get; set; }

    public bool IsListed { get; set; }

    /// <summary>To be evicted even if hot: its pages are needed where they are.</summary>
    public bool IsForced { get; set; }

    public long Bytes => (long)Pages << SizeClasses.PageShift;

    public ulong FirstPage => (ulong)Start >> SizeClasses.PageShift;

    public ulong* Reverse => (ulong*)(Start + Bytes) - Capacity;

    public NativeView View => new(Start, Bytes);

    /// <summary>Whether enough is free for it to be offered for allocation: an eighth, at least one object.</summary>
    public bool HasRoom => Live <= Capacity - Math.Max(1, Capacity / 8);

    /// <summary>Gives the span its pages. Its reverse table is whatever the pages hold.</summary>
    public void Reset(byte* start, int sizeClass, in SizeClass shape)
    {
        Start = start;
        Class = sizeClass;
        Pages = shape.Pages;
        ObjectBytes = shape.ObjectBytes;
        Capacity = shape.Objects;
        Live = 0;
        Cursor = 0;
        PinCount = 0;
        IsForced = false;
        Owner = null;
        State = SpanState.Filling;
    }

    public byte* ObjectAt(int objectIndex) => Start + (long)objectIndex * ObjectBytes;

    public int IndexOf(ulong address) => (int)((long)(address - (ulong)Start) / ObjectBytes);

    /// <summary>Takes a free place for an object that is about to be made; -1 when there is none. The lock is held.</summary>
    public int Reserve(ulong* slot)
    {
        if (Live == Capacity)
            return -1;
        var reverse = Reverse;
        for (var i = Cursor; i < Capacity; i++)
        {
            if (reverse[i] != 0)
                continue;
            reverse[i] = (ulong)slot | UnderConstruction;
            Cursor = i + 1;
            Live++;
            return i;
        }
        Cursor = Capacity;
        return -1;
    }

    /// <summary>The object that was reserved for <paramref name="slot"/> is made, and the slot points to it.</summary>
    /// <remarks>Needs no lock. An object whose pointer others have may be freed by now: its place is left as it is then.</remarks>
    public void Publish(int objectIndex, ulong* slot) =>
        Interlocked.CompareExchange(ref Reverse[objectIndex], (ulong)slot, (ulong)slot | UnderConstruction);

    /// <summary>The place is free again. The lock is held.</summary>
    public void Vacate(int objectIndex)
    {
        Invariant.Check(Reverse[objectIndex] != 0);
        Reverse[objectIndex] = 0;
        Live--;
        if (objectIndex < Cursor)
            Cursor = objectIndex;
    }

    public void Lock()
    {
        if (Interlocked.CompareExchange(ref _lock, 1, 0) == 0)
            return;
        var spin = new SpinWait();
        do
            spin.SpinOnce(sleep1Threshold: 20);
        while (Volatile.Read(ref _lock) != 0 || Interlocked.CompareExchange(ref _lock, 1, 0) != 0);
    }

    public void Unlock()
    {
        Debug.Assert(_lock == 1);
        Volatile.Write(ref _lock, 0);
    }
}
