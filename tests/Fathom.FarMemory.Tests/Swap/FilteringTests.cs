using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;
using Fathom.FarMemory.Tests.Heap;

namespace Fathom.FarMemory.Tests.Swap;

public class FilteringTests
{
    [Fact]
    public void HotObjects_ScatteredOverColdSpans_StayLocal()
    {
        using var heap = FarHeapTests.Open(new FaultyPool(1));
        var pointers = FarHeapTests.Fill(heap, 4096);
        var hot = pointers.Where((_, i) => i % 50 == 0).ToArray(); // one in every seventh span
        var random = new Random(1);
        int touches = 0, misses = 0;
        for (var round = 0; round < 400; round++)
        {
            foreach (var pointer in hot)
            {
                if (round >= 100)
                {
                    touches++;
                    misses += pointer.IsLocal ? 0 : 1;
                }
                Touch(heap, pointer);
            }
            for (var i = 0; i < 16; i++)
                Touch(heap, pointers[random.Next(pointers.Length)]);
        }
        Assert.True(heap.Counters.ObjectsMoved > 0);
        Assert.True(misses * 20 < touches, $"{misses} of {touches} touches of hot objects missed: {heap.Counters}");
    }

    [Fact]
    public void FreedObjects_AreNotBroughtBack()
    {
        var pool = new FaultyPool(1);
        using var heap = FarHeapTests.Open(pool);
        var pointers = FarHeapTests.Fill(heap, 4096);
        for (var i = 0; i < pointers.Length; i++)
        {
            if (i % 2 == 0)
                heap.Free(pointers[i]); // half of nearly every span, most of them far
        }
        var kept = pointers.Where((_, i) => i % 2 == 1).ToArray();
        FarHeapTests.Touch(heap, kept, 3);
        for (var i = 0; i < kept.Length; i++)
        {
            using var scope = heap.EnterScope();
            Assert.Equal(2 * i + 1, kept[i].Deref(scope)[0]);
        }
        foreach (var pointer in kept)
            heap.Free(pointer);
        FarHeapTests.NothingStaysFar(heap, pool);
        Assert.True(SpinWait.SpinUntil(() => heap.Counters.LocalBytes < 200_000, TimeSpan.FromSeconds(10)), heap.Counters.ToString());
    }

    [Theory]
    [InlineData(PointerWord.Moving)]
    [InlineData(PointerWord.Evicting)]
    public unsafe void Deref_ObjectOnlyAnnounced_StaysWhereTheScopeHoldsIt(ulong mark)
    {
        using var heap = FarHeapTests.Open(new FaultyPool(1));
        var pointer = heap.Allocate(7);
        using (var scope = heap.EnterScope())
        {
            ref var held = ref pointer.Deref(scope);
            var word = FarHeapTests.WordOf(pointer);
            Volatile.Write(ref *pointer.Slot, word.With(mark).Value); // what a background thread does before its grace period
            held++;
            ref var again = ref pointer.Deref(scope);
            Assert.True(System.Runtime.CompilerServices.Unsafe.AreSame(ref held, ref again));
            Assert.Equal(8, again);
        }
        Assert.False(FarHeapTests.WordOf(pointer).IsMoving || FarHeapTests.WordOf(pointer).IsEvicting);
        Assert.Equal(1, heap.Counters.RacesWon);
    }

    [Fact]
    public void LargeObjects_AmongSmallOnes_FindRunsOfPages()
    {
        // Small spans first, all over local memory; then objects that need 63 pages in a row of 256.
        using var heap = FarHeapTests.Open(new FaultyPool(1), o => o with { LocalMemoryBytes = 2 << 20 });
        var small = FarHeapTests.Fill(heap, 4096);
        var large = Enumerable.Range(0, 20).Select(_ => heap.AllocateBytes(500_000)).ToArray();
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < large.Length; i++)
            {
                FarHeapTests.Touch(heap, small[(i * 200)..(i * 200 + 200)], 1);
                using var scope = heap.EnterScope();
                var bytes = large[i].Deref(scope);
                Assert.Equal(round, bytes[499_999]);
                bytes[499_999]++;
            }
        }
    }

    private static void Touch(FarHeap heap, RemoteUnique<FarHeapTests.Block> pointer)
    {
        using var scope = heap.EnterScope();
        pointer.Deref(scope)[5]++;
    }
}
