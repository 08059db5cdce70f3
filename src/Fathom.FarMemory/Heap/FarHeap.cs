using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Fathom.FarMemory.Epochs;
using Fathom.FarMemory.Pointers;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Swap;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.FarMemory.Heap;

/// <summary>
/// A heap larger than the memory of this process: objects live in a bounded local memory while they are in use, and in far memory
/// otherwise.
/// </summary>
/// <remarks>
/// <code>
/// using var heap = new FarHeap(pool, new FarHeapOptions { LocalMemoryBytes = 256 &lt;&lt; 20 });
/// RemoteUnique&lt;Order&gt; pointer = heap.Allocate(new Order { Id = 7 });
/// using (var scope = heap.EnterScope())
///     pointer.Deref(scope).Quantity++;
/// heap.Free(pointer);
/// </code>
/// Any thread may call any member. The heap does not own the pool. Objects are not synchronised: two threads that write one object
/// agree among themselves, as with any memory. Disposing it ends all objects; no scope may be open then.
/// </remarks>
public sealed unsafe class FarHeap : IDisposable
{
    /// <summary>Largest object.</summary>
    public const int ObjectBytesMax = 1 << 30;

    // New objects are warm: they outlive a round or two without being touched.
    private const byte NewHotness = 0x3F;

    [ThreadStatic]
    private static PerThread? t_last;

    private readonly IFarPool _pool;
    private readonly PageHeap _pages;
    private readonly ObjectSpace _space;
    private readonly EpochDomain _epochs;
    private readonly FarSpanTable _table = new();
    private readonly SlotTable _uniqueSlots = new(slotBytes: 8);
    private readonly SlotTable _sharedSlots = new(slotBytes: 16);
    private readonly FarHeapMeters _meters;
    private readonly SwapThreads _threads;
    private readonly SwapInQueue _queue;
    private readonly Lock _cachesLock = new();
    private readonly Dictionary<EpochParticipant, ThreadCache> _caches = [];
    private bool _disposed;

    /// <summary>Opens a heap over a pool.</summary>
    /// <param name="pool">Where objects go; stays the caller's.</param>
    /// <param name="options">Sizes, threads, bounds.</param>
    /// <param name="logger">For what an operator should know.</param>
    /// <param name="meters">Instruments; none when null.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public FarHeap(IFarPool pool, FarHeapOptions options, ILogger? logger = null, IMeterFactory? meters = null)
    {
        ArgumentNullException.ThrowIfNull(pool);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        _pool = pool;
        _pages = new PageHeap(options.LocalMemoryBytes);
        _space = new ObjectSpace(_pages, options.RoomTimeout);
        _epochs = new EpochDomain(_pages.FirstPage, _pages.Pages);
        _meters = new FarHeapMeters(meters, () => Counters);
        var swapIn = new SwapIn(_table, _space, pool, options.ReadTimeout, _meters);
        Barrier = new PointerBarrier(_space, swapIn, _table, pool, _meters);
        _threads = new SwapThreads(_space, _table, _epochs, pool, options, _meters, logger ?? NullLogger.Instance, SweepThreads);
        _queue = new SwapInQueue(this, options.SwapInThreads);
    }

    /// <summary>Counts and gauges of this heap.</summary>
    public FarHeapCounters Counters
    {
        get
        {
            var counters = new FarHeapCounters
            {
                ScopesBypassed = _epochs.ScopesBypassed,
                ScopesLong = _epochs.ScopesLong,
                LocalBytes = (long)(_pages.Pages - _pages.FreePages) << SizeClasses.PageShift,
                FarSpans = _table.Spans,
                FarBytes = _table.Bytes,
                SlotBytes = _uniqueSlots.Bytes + _sharedSlots.Bytes,
            };
            _meters.Fill(ref counters);
            return counters;
        }
    }

    /// <summary>Why a background thread is gone, if one failed: a bug in this library. The heap goes on without it, and fills up.</summary>
    public Exception? Failure => _threads.Failure;

    internal PointerBarrier Barrier { get; }

    internal PageHeap Pages => _pages;

    internal EpochDomain Epochs => _epochs;

    internal SlotTable UniqueSlots => _uniqueSlots;

    /// <summary>Begins a critical section of the calling thread.</summary>
    /// <exception cref="ObjectDisposedException">The heap is closed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public DerefScope EnterScope()
    {
        var cache = CurrentCache();
        var slot = cache.Participant.Slot;
        slot->Enter();
        return new DerefScope(cache, slot);
    }

    /// <summary>Makes an object.</summary>
    /// <param name="value">Its first value.</param>
    /// <exception cref="LocalMemoryExhaustedException">No room in time.</exception>
    public RemoteUnique<T> Allocate<T>(in T value = default)
        where T : unmanaged
    {
        var cache = CurrentCache();
        var slot = (ulong*)cache.TakeSlot(_uniqueSlots);
        try
        {
            Make(cache, slot, new ReadOnlySpan<byte>(Unsafe.AsPointer(ref Unsafe.AsRef(in value)), sizeof(T)), sizeof(T), isShared: false);
        }
        catch (LocalMemoryExhaustedException)
        {
            cache.GiveBackSlot(_uniqueSlots, (nint)slot);
            throw;
        }
        return new RemoteUnique<T>(slot);
    }

    /// <summary>Makes an object that several pointers may name.</summary>
    /// <param name="value">Its first value.</param>
    /// <returns>The first of its pointers.</returns>
    /// <exception cref="LocalMemoryExhaustedException">No room in time.</exception>
    public RemoteShared<T> AllocateShared<T>(in T value = default)
        where T : unmanaged
    {
        var cache = CurrentCache();
        var slot = TakeSharedSlot();
        try
        {
            Make(cache, slot, new ReadOnlySpan<byte>(Unsafe.AsPointer(ref Unsafe.AsRef(in value)), sizeof(T)), sizeof(T), isShared: true);
        }
        catch (LocalMemoryExhaustedException)
        {
            _sharedSlots.GiveBack([(nint)slot]);
            throw;
        }
        var shared = new RemoteShared<T>(slot);
        Volatile.Write(ref *shared.Count, 1);
        return shared;
    }

    /// <summary>Makes a run of bytes, all zero.</summary>
    /// <param name="lengthBytes">0 to <see cref="ObjectBytesMax"/> less 8.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is out of range.</exception>
    /// <exception cref="LocalMemoryExhaustedException">No room in time.</exception>
    public RemoteBytes AllocateBytes(int lengthBytes) => AllocateBytes(lengthBytes, []);

    /// <summary>Makes a run of bytes with the given content.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Longer than <see cref="ObjectBytesMax"/> less 8.</exception>
    /// <exception cref="LocalMemoryExhaustedException">No room in time.</exception>
    public RemoteBytes AllocateBytes(ReadOnlySpan<byte> content) => AllocateBytes(content.Length, content);

    /// <summary>One more pointer to a shared object.</summary>
    /// <param name="pointer">A pointer that is not freed.</param>
    public RemoteShared<T> Share<T>(RemoteShared<T> pointer)
        where T : unmanaged
    {
        Interlocked.Increment(ref *pointer.Count);
        return pointer;
    }

    /// <summary>Ends an object, wherever it is. No other thread may be using it.</summary>
    /// <exception cref="InvalidOperationException">It was freed before.</exception>
    public void Free<T>(RemoteUnique<T> pointer)
        where T : unmanaged => FreeUnique(pointer.Slot);

    /// <inheritdoc cref="Free{T}(RemoteUnique{T})"/>
    public void Free(RemoteBytes pointer) => FreeUnique(pointer.Slot);

    /// <summary>Gives up one pointer to a shared object; the last one ends it.</summary>
    /// <returns>True when the object ended.</returns>
    public bool Free<T>(RemoteShared<T> pointer)
        where T : unmanaged
    {
        var left = Interlocked.Decrement(ref *pointer.Count);
        if (left > 0)
            return false;
        if (left < 0 || !Barrier.Free(pointer.Slot))
            throw new InvalidOperationException("The shared object was freed before.");
        _sharedSlots.GiveBack([(nint)pointer.Slot]);
        return true;
    }

    /// <summary>Holds an object in local memory until the pin is disposed: the way to keep one across <c>await</c>.</summary>
    /// <exception cref="FarMemoryException">The object could not be brought here; the type says why.</exception>
    public PinnedObject<T> Pin<T>(RemoteUnique<T> pointer)
        where T : unmanaged
    {
        var span = PinSlot(pointer.Slot, out var address);
        return new PinnedObject<T>(span, address);
    }

    /// <summary>Brings an object to local memory without blocking the caller, and pins it.</summary>
    /// <param name="pointer">The object.</param>
    /// <param name="cancellation">Gives up waiting; the swap-in itself goes on.</param>
    /// <exception cref="FarMemoryException">The object could not be brought here; the type says why.</exception>
    public ValueTask<PinnedObject<T>> DerefAsync<T>(RemoteUnique<T> pointer, CancellationToken cancellation = default)
        where T : unmanaged =>
        pointer.IsLocal ? ValueTask.FromResult(Pin(pointer)) : _queue.DerefAsync(pointer, cancellation);

    /// <summary>Begins to bring a far object to local memory and returns at once; a local object costs one look at its pointer.</summary>
    /// <returns>False when too many are on their way already, and nothing was begun.</returns>
    public bool Prefetch<T>(RemoteUnique<T> pointer)
        where T : unmanaged => pointer.IsLocal || _queue.TryBegin(pointer.SlotAddress);

    /// <inheritdoc cref="Prefetch{T}(RemoteUnique{T})"/>
    public bool Prefetch(RemoteBytes pointer) => pointer.IsLocal || _queue.TryBegin((nint)pointer.Slot);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, true))
            return;
        _queue.Dispose();
        _threads.Dispose();
        foreach (var span in _table.All())
            _pool.Release(span);
        _epochs.Dispose();
        _uniqueSlots.Dispose();
        _sharedSlots.Dispose();
        _pages.Dispose();
    }

    /// <summary>Brings the object behind a slot to local memory, if it still exists and is far.</summary>
    internal void Bring(nint slot) => Barrier.Bring((ulong*)slot, CurrentCache());

    /// <summary>Makes an object of <paramref name="bytes"/> behind a slot whose word is 0; what content leaves out is zero.</summary>
    internal void Make(ulong* slot, ReadOnlySpan<byte> content, int bytes) => Make(CurrentCache(), slot, content, bytes, isShared: false);

    internal LocalSpan PinSlot(ulong* slot, out byte* address)
    {
        using var scope = EnterScope();
        address = Dereference.Address(slot, scope);
        var span = _pages.SpanAt((ulong)address);
        // Within the scope the span cannot leave; afterwards the count is there for whoever looks.
        Interlocked.Increment(ref span.PinCount);
        return span;
    }

    private RemoteBytes AllocateBytes(int lengthBytes, ReadOnlySpan<byte> content)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(lengthBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lengthBytes, ObjectBytesMax - RemoteBytes.HeaderBytes);
        var cache = CurrentCache();
        var slot = (ulong*)cache.TakeSlot(_uniqueSlots);
        try
        {
            var place = _space.Take(cache, lengthBytes + RemoteBytes.HeaderBytes, slot);
            RemoteBytes.Write(place.Address, lengthBytes, content);
            PublishPlace(place, slot, isShared: false);
        }
        catch (LocalMemoryExhaustedException)
        {
            cache.GiveBackSlot(_uniqueSlots, (nint)slot);
            throw;
        }
        return new RemoteBytes(slot);
    }

    private void Make(ThreadCache cache, ulong* slot, ReadOnlySpan<byte> content, int bytes, bool isShared)
    {
        var place = _space.Take(cache, bytes, slot);
        // SAFETY: the place has room for bytes.
        var room = new Span<byte>(place.Address, bytes);
        content.CopyTo(room);
        room[content.Length..].Clear();
        PublishPlace(place, slot, isShared);
    }

    private static void PublishPlace(in Place place, ulong* slot, bool isShared)
    {
        Volatile.Write(ref *slot, PointerWord.Local((ulong)place.Address, NewHotness, isShared).Value);
        place.Span.Publish(place.ObjectIndex, slot);
    }

    private void FreeUnique(ulong* slot)
    {
        if (slot == null || !Barrier.Free(slot))
            throw new InvalidOperationException("The pointer names no object: it was freed or never allocated.");
        CurrentCache().GiveBackSlot(_uniqueSlots, (nint)slot);
    }

    private ulong* TakeSharedSlot()
    {
        Span<nint> slot = stackalloc nint[1];
        _sharedSlots.Take(slot);
        return (ulong*)slot[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ThreadCache CurrentCache()
    {
        var last = t_last;
        return last is not null && last.Cache.Heap == this && !_disposed ? last.Cache : FindCache();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ThreadCache FindCache()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        PerThread? before = null;
        for (var entry = t_last; entry is not null; before = entry, entry = entry.Next)
        {
            if (entry.Cache.Heap != this)
                continue;
            // Used again, likely soon: to the front.
            before!.Next = entry.Next;
            entry.Next = t_last;
            t_last = entry;
            return entry.Cache;
        }
        var participant = _epochs.Join();
        var cache = new ThreadCache(this, participant);
        lock (_cachesLock)
            _caches.Add(participant, cache);
        t_last = new PerThread(cache, new ThreadEnd(participant)) { Next = WithoutClosed(t_last) };
        return cache;
    }

    private static PerThread? WithoutClosed(PerThread? entry)
    {
        while (entry is not null && entry.Cache.Heap._disposed)
            entry = entry.Next;
        if (entry is not null)
            entry.Next = WithoutClosed(entry.Next);
        return entry;
    }

    /// <summary>Takes back what threads that ended had of this heap.</summary>
    private void SweepThreads() => _epochs.Sweep(participant =>
    {
        ThreadCache? cache;
        lock (_cachesLock)
            _caches.Remove(participant, out cache);
        if (cache is not null)
        {
            _space.Empty(cache);
            cache.ReturnSlots(_uniqueSlots);
        }
        participant.Dispose();
    });

    /// <summary>What a thread reaches of the heaps it uses; only the thread reaches <paramref name="End"/>.</summary>
    private sealed record PerThread(ThreadCache Cache, ThreadEnd End)
    {
        public PerThread? Next { get; set; }
    }
}
