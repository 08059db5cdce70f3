using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Swap;
using Fathom.FarMemory.Tests.Swap;

namespace Fathom.FarMemory.Tests.Heap;

public class FarHeapTests
{
    private const int Objects = 4096; // of 1 KiB: four times the local memory below

    [Fact]
    public void Objects_FourTimesLocalMemory_AllComeBack()
    {
        var pool = new FaultyPool(1);
        using var heap = Open(pool);
        var pointers = Fill(heap, Objects);
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0; i < Objects; i++)
            {
                using var scope = heap.EnterScope();
                ref var block = ref pointers[i].Deref(scope);
                Assert.Equal(i + round * 1000, block[0]);
                Assert.Equal(i, block[127]);
                block[0] += 1000;
            }
        }
        var counters = heap.Counters;
        Assert.True(counters.SwapIns > 100, counters.ToString());
        Assert.True(counters.LocalBytes <= 1 << 20, counters.ToString());
        Assert.Equal(counters.SwapIns, pool.Counters.SpansRead); // one read a swap-in
        foreach (var pointer in pointers)
            heap.Free(pointer);
        NothingStaysFar(heap, pool);
    }

    [Fact]
    public void Deref_AndSwapIn_AllocateNothing()
    {
        using var heap = Open(new InProcessFarPool(1L << 40));
        var pointers = Fill(heap, Objects);
        Touch(heap, pointers, 4);
        var swapIns = heap.Counters.SwapIns;
        var allocated = Allocations.OfWarm(() => Touch(heap, pointers, 1), rounds: 4);
        swapIns = (heap.Counters.SwapIns - swapIns) / 5;
        Assert.True(swapIns > 100);
        // Less than a byte a swap-in: the tables may still grow to the most that is ever far at once.
        Assert.True(allocated < swapIns, $"{allocated} bytes in {swapIns} swap-ins");
    }

    [Fact]
    public void Free_NeverAllocatedOrTwice_Throws()
    {
        using var heap = Open(new InProcessFarPool(1L << 30));
        Assert.Throws<InvalidOperationException>(() => heap.Free(default(RemoteUnique<int>)));
        var pointer = heap.Allocate(5);
        heap.Free(pointer);
        Assert.Throws<InvalidOperationException>(() => heap.Free(pointer));
        Assert.Throws<InvalidOperationException>(() =>
        {
            using var scope = heap.EnterScope();
            return pointer.Deref(scope);
        });
    }

    [Fact]
    public void Shared_ObjectEndsWithTheLastPointer()
    {
        var pool = new FaultyPool(1);
        using var heap = Open(pool);
        var first = heap.AllocateShared(41L);
        var second = heap.Share(first);
        var blocks = Fill(heap, Objects); // pushes the shared object out
        Assert.False(heap.Free(first));
        using (var scope = heap.EnterScope())
            Assert.Equal(42, ++second.Deref(scope));
        Assert.True(heap.Free(second));
        Assert.Throws<InvalidOperationException>(() => heap.Free(second));
        foreach (var block in blocks)
            heap.Free(block);
        NothingStaysFar(heap, pool);
    }

    [Fact]
    public void Pointers_InsideFarObjects_FormAList()
    {
        using var heap = Open(new InProcessFarPool(1L << 30));
        RemoteUnique<Node> head = default;
        const int nodes = 20_000;
        for (var i = 0; i < nodes; i++)
            head = heap.Allocate(new Node { Value = i, Next = head });
        var expected = nodes;
        for (var at = head; !at.IsNull;)
        {
            using var scope = heap.EnterScope();
            ref var node = ref at.Deref(scope);
            Assert.Equal(--expected, node.Value);
            at = node.Next;
        }
        Assert.Equal(0, expected);
    }

    [Fact]
    public void AllocateBytes_OfEveryKindOfLength_HoldsThem()
    {
        using var heap = Open(new InProcessFarPool(1L << 30));
        foreach (var length in new[] { 0, 1, 7, 8, 120, 121, 4088, 4096, 100_000, 262_136, 262_137, 500_000 })
        {
            var bytes = heap.AllocateBytes(length);
            using (var scope = heap.EnterScope())
            {
                var span = bytes.Deref(scope);
                Assert.Equal(length, span.Length);
                Assert.False(span.ContainsAnyExcept((byte)0));
                span.Fill(7);
            }
            heap.Free(bytes);
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => heap.AllocateBytes(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => heap.AllocateBytes(FarHeap.ObjectBytesMax));
    }

    [Fact]
    public void Deref_LostSpan_NamesExactlyItsObjects()
    {
        var pool = new FaultyPool(1);
        using var heap = Open(pool);
        var pointers = Fill(heap, Objects);
        var victim = pointers.First(p => !p.IsLocal);
        var span = WordOf(victim).Span;
        var inVictim = pointers.Where(p => !p.IsLocal && WordOf(p).Span == span).ToHashSet();
        Assert.True(pool.Inner.Lose(new(span)));
        foreach (var pointer in pointers)
        {
            if (!inVictim.Contains(pointer))
            {
                using var scope = heap.EnterScope();
                pointer.Deref(scope)[1] = 1;
                continue;
            }
            var lost = Assert.Throws<FarObjectLostException>(() =>
            {
                using var scope = heap.EnterScope();
                pointer.Deref(scope)[1] = 1;
            });
            Assert.Equal(span, lost.Span.Value);
            Assert.Equal(WordOf(pointer).ObjectIndex, lost.ObjectIndex);
        }
        foreach (var pointer in pointers)
            heap.Free(pointer); // lost objects too
        NothingStaysFar(heap, pool);
    }

    [Fact]
    public void Deref_ReadFails_SaysHowAndWorksLater()
    {
        var pool = new FaultyPool(1);
        using var heap = Open(pool);
        var pointers = Fill(heap, Objects);
        var far = pointers.First(p => !p.IsLocal);
        pool.FailAllReads = ReadStatus.Deadline;
        var failure = Assert.Throws<SwapInFailedException>(() =>
        {
            using var scope = heap.EnterScope();
            far.Deref(scope)[0]++;
        });
        Assert.Equal(ReadStatus.Deadline, failure.Status);
        pool.FailAllReads = null;
        using var later = heap.EnterScope();
        Assert.Equal(Array.IndexOf(pointers, far), far.Deref(later)[0]);
    }

    [Fact]
    public void Allocate_PoolTakesNothing_EndsWithATypedErrorAndRecovers()
    {
        var pool = new FaultyPool(1) { FailAllWrites = WriteStatus.NoSpace };
        using var heap = Open(pool, options => options with { RoomTimeout = TimeSpan.FromSeconds(2) });
        var pointers = new List<RemoteUnique<Block>>();
        var error = Assert.Throws<LocalMemoryExhaustedException>(void () =>
        {
            while (true)
                pointers.Add(heap.Allocate(Numbered(pointers.Count)));
        });
        Assert.Equal(WriteStatus.NoSpace, error.LastEviction);
        Assert.Equal(1 << 20, error.LocalMemoryBytes);
        Check(heap, pointers);
        pool.FailAllWrites = null;
        for (var i = 0; i < 1000; i++)
            pointers.Add(heap.Allocate(Numbered(pointers.Count)));
        Check(heap, pointers);
    }

    [Fact]
    public void Allocate_EverythingPinned_EndsWithATypedError()
    {
        using var heap = Open(new InProcessFarPool(1L << 30), options => options with { RoomTimeout = TimeSpan.FromMilliseconds(300) });
        var pins = new List<PinnedObject<Block>>();
        Assert.Throws<LocalMemoryExhaustedException>(void () =>
        {
            while (true)
                pins.Add(heap.Pin(heap.Allocate(Numbered(pins.Count))));
        });
        for (var i = 0; i < pins.Count; i++)
            Assert.Equal(i, pins[i].Value[0]);
        foreach (var pin in pins)
            pin.Dispose();
        Assert.NotEmpty(Fill(heap, Objects));
    }

    [Fact]
    public async Task DerefAsync_AndPin_HoldTheObjectAcrossAwait()
    {
        using var heap = Open(new InProcessFarPool(1L << 30));
        var pointers = Fill(heap, Objects);
        var index = Array.FindIndex(pointers, p => !p.IsLocal);
        using var pin = await heap.DerefAsync(pointers[index]);
        Assert.Equal(index, pin.Value[0]);
        await Task.Run(() => Touch(heap, pointers, 2)); // everything else goes round
        Assert.True(pointers[index].IsLocal);
        pin.Value[0] = -1;
        pin.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pin.Value[0]);
        Touch(heap, pointers, 2);
        using var scope = heap.EnterScope();
        Assert.Equal(-1, pointers[index].Deref(scope)[0]);
    }

    [Fact]
    public async Task DerefAsync_LostSpan_FailsTyped()
    {
        var pool = new FaultyPool(1);
        using var heap = Open(pool);
        var far = Fill(heap, Objects).First(p => !p.IsLocal);
        pool.Inner.Lose(new(WordOf(far).Span));
        await Assert.ThrowsAsync<FarObjectLostException>(async () => (await heap.DerefAsync(far)).Dispose());
    }

    [Fact]
    public void Prefetch_FarObject_BecomesLocal()
    {
        using var heap = Open(new InProcessFarPool(1L << 30));
        var far = Fill(heap, Objects).First(p => !p.IsLocal);
        Assert.True(heap.Prefetch(far));
        Assert.True(SpinWait.SpinUntil(() => far.IsLocal, TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public void EnterScope_AfterDispose_Throws()
    {
        var heap = Open(new InProcessFarPool(1L << 30));
        heap.Dispose();
        heap.Dispose();
        Assert.Throws<ObjectDisposedException>(() => heap.EnterScope().Dispose());
        Assert.Throws<ArgumentOutOfRangeException>(() => Open(new InProcessFarPool(1), o => o with { LocalMemoryBytes = 1000 }));
    }

    [Fact]
    public void Heaps_SeveralInOneThread_KeepApart()
    {
        using var a = Open(new InProcessFarPool(1L << 30));
        using var b = Open(new InProcessFarPool(1L << 30));
        var pointers = Enumerable.Range(0, 100).Select(i => (A: a.Allocate(i), B: b.Allocate(-i))).ToList();
        for (var i = 0; i < 100; i++)
        {
            using var scopeA = a.EnterScope();
            using var scopeB = b.EnterScope();
            Assert.Equal(i, pointers[i].A.Deref(scopeA));
            Assert.Equal(-i, pointers[i].B.Deref(scopeB));
        }
    }

    [Fact]
    public void Deref_FarPointerOfAnotherHeap_IsRefused()
    {
        using var heap = Open(new InProcessFarPool(1L << 30));
        using var other = Open(new InProcessFarPool(1L << 30));
        var far = Fill(heap, Objects).First(p => !p.IsLocal);
        Assert.Throws<InvalidOperationException>(() =>
        {
            using var scope = other.EnterScope();
            return far.Deref(scope)[0];
        });
    }

    [Fact]
    public void Instruments_CountWhatTheCountersCount()
    {
        using var meters = new Meters();
        var seen = new Dictionary<string, double>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (ReferenceEquals(instrument.Meter, meters.Made))
                    l.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => Add(instrument, value));
        listener.SetMeasurementEventCallback<double>((instrument, _, _, _) => Add(instrument, 1));
        listener.Start();
        using var heap = new FarHeap(new InProcessFarPool(1L << 30), new FarHeapOptions { LocalMemoryBytes = 1 << 20 }, meters: meters);
        Touch(heap, Fill(heap, Objects), 1);
        Assert.Equal(heap.Counters.SwapIns, seen["fathom.far_memory.swap_in.duration"]);
        Assert.Equal(heap.Counters.SwappedInBytes, seen["fathom.far_memory.swap_in.bytes"]);
        Assert.True(seen["fathom.far_memory.swap_out.bytes"] > 0);
        listener.RecordObservableInstruments();
        Assert.True(seen["fathom.far_memory.local.bytes"] > 0);
        Assert.True(seen["fathom.far_memory.far.bytes"] > 0);

        void Add(Instrument instrument, double value)
        {
            lock (seen)
                seen[instrument.Name] = seen.GetValueOrDefault(instrument.Name) + value;
        }
    }

    [Fact]
    public void Threads_ThatEnd_LeaveTheirSpansBehind()
    {
        using var heap = Open(new InProcessFarPool(1L << 30));
        for (var i = 0; i < 200; i++)
        {
            // Each begins spans of several classes: without taking them back, 200 threads would fill the heap.
            var thread = new Thread(() =>
            {
                foreach (var length in new[] { 8, 100, 1000, 3000 })
                    heap.Free(heap.AllocateBytes(length));
            });
            thread.Start();
            thread.Join();
        }
        Assert.NotEmpty(Fill(heap, Objects));
    }

    internal static FarHeap Open(IFarPool pool, Func<FarHeapOptions, FarHeapOptions>? change = null)
    {
        var options = new FarHeapOptions { LocalMemoryBytes = 1 << 20 };
        return new FarHeap(pool, change?.Invoke(options) ?? options);
    }

    internal static RemoteUnique<Block>[] Fill(FarHeap heap, int count) =>
        [.. Enumerable.Range(0, count).Select(i => heap.Allocate(Numbered(i)))];

    internal static void Touch(FarHeap heap, RemoteUnique<Block>[] pointers, int rounds)
    {
        for (var round = 0; round < rounds; round++)
        {
            foreach (var pointer in pointers)
            {
                using var scope = heap.EnterScope();
                pointer.Deref(scope)[5]++;
            }
        }
    }

    /// <summary>All objects were freed: as soon as evictions under way have ended, nothing is far.</summary>
    internal static void NothingStaysFar(FarHeap heap, IFarPool pool) => Assert.True(
        SpinWait.SpinUntil(() => heap.Counters.FarSpans == 0 && pool.Counters.LiveBytes == 0, TimeSpan.FromSeconds(10)), heap.Counters.ToString());

    internal static unsafe PointerWord WordOf<T>(RemoteUnique<T> pointer)
        where T : unmanaged => new(Volatile.Read(ref *pointer.Slot));

    internal static Block Numbered(int number)
    {
        var block = new Block();
        block[0] = block[127] = number;
        return block;
    }

    private static void Check(FarHeap heap, List<RemoteUnique<Block>> pointers)
    {
        for (var i = 0; i < pointers.Count; i++)
        {
            using var scope = heap.EnterScope();
            Assert.Equal(i, pointers[i].Deref(scope)[0]);
        }
    }

    /// <summary>A kilobyte.</summary>
    [InlineArray(128)]
    internal struct Block
    {
        private long _first;
    }

    private sealed class Meters : IMeterFactory
    {
        public Meter? Made { get; private set; }

        public Meter Create(MeterOptions options) => Made = new Meter(options);

        public void Dispose() => Made?.Dispose();
    }

    private struct Node
    {
        public long Value;
        public RemoteUnique<Node> Next;
    }
}
