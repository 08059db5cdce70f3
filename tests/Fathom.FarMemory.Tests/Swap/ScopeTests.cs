using Fathom.FarMemory.Tests.Heap;

namespace Fathom.FarMemory.Tests.Swap;

public class ScopeTests
{
    private const int Objects = 4096;

    [Fact]
    public void ScopeHeldThroughout_HoldsItsObjectsAndNobodyElse()
    {
        using var heap = FarHeapTests.Open(new FaultyPool(1), o => o with { LongScope = TimeSpan.FromMilliseconds(200) });
        var pointers = FarHeapTests.Fill(heap, Objects);
        using var ready = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        var unchanged = false;
        var holder = new Thread(() =>
        {
            using var scope = heap.EnterScope();
            ref var first = ref pointers[10].Deref(scope);
            ref var second = ref pointers[2000].Deref(scope);
            first[3] = 33;
            ready.Set();
            leave.Wait();
            // Both references, not the pointers: the objects are where they were.
            second[3] = first[3] + 1;
            unchanged = first[0] == 10 && second[0] == 2000;
        });
        holder.Start();
        ready.Wait();
        var swapIns = heap.Counters.SwapIns;
        FarHeapTests.Touch(heap, pointers, 3); // three times round all the data, past the scope
        Assert.True(heap.Counters.SwapIns - swapIns > 1000);
        Assert.True(pointers[10].IsLocal && pointers[2000].IsLocal);
        Assert.True(SpinWait.SpinUntil(() => heap.Counters.ScopesLong == 1, TimeSpan.FromSeconds(10)));
        Assert.True(heap.Counters.ScopesBypassed > 0);
        leave.Set();
        holder.Join();
        Assert.True(unchanged);
        FarHeapTests.Touch(heap, pointers, 2);
        using var after = heap.EnterScope();
        Assert.Equal(34, pointers[2000].Deref(after)[3]);
    }

    [Fact]
    public void ScopeOverManyObjects_HoldsAllOfThem()
    {
        // More dereferences than the log has room for, of few pages: what was pushed out of the log is still held.
        using var heap = FarHeapTests.Open(new FaultyPool(1));
        var pointers = FarHeapTests.Fill(heap, Objects);
        using var scope = heap.EnterScope();
        ref var held = ref pointers[0].Deref(scope);
        held[4] = 4;
        for (var i = 0; i < 10_000; i++)
            pointers[1 + i % 50].Deref(scope)[4]++;
        var other = new Thread(() => FarHeapTests.Touch(heap, pointers, 3));
        other.Start();
        other.Join();
        Assert.True(pointers[0].IsLocal);
        held[4]++;
        Assert.Equal(5, pointers[0].Deref(scope)[4]);
    }

    [Fact]
    public void Deref_ObjectOnItsWayOut_WorksOnACopy()
    {
        var pool = new FaultyPool(1);
        using var heap = FarHeapTests.Open(pool);
        pool.HoldWrites();
        var pointers = FarHeapTests.Fill(heap, 800); // below the limit, above the mark at which eviction begins
        Assert.True(SpinWait.SpinUntil(() => pool.WritesWaiting > 0, TimeSpan.FromSeconds(10)));
        var leaving = Array.FindIndex(pointers, p => FarHeapTests.WordOf(p).IsEvicting);
        Assert.True(leaving >= 0);
        var before = FarHeapTests.WordOf(pointers[leaving]).Address;
        using (var scope = heap.EnterScope())
        {
            ref var block = ref pointers[leaving].Deref(scope);
            Assert.Equal(leaving, block[0]);
            block[7] = 77;
        }
        Assert.NotEqual(before, FarHeapTests.WordOf(pointers[leaving]).Address);
        Assert.Equal(1, heap.Counters.RacesWon);
        var freed = Array.FindIndex(pointers, p => FarHeapTests.WordOf(p).IsEvicting);
        heap.Free(pointers[freed]); // as the last thing that happens to it before the write ends
        pool.OpenWrites();
        Assert.True(SpinWait.SpinUntil(() => heap.Counters.SwapOuts > 0, TimeSpan.FromSeconds(10)));
        FarHeapTests.Touch(heap, [.. pointers.Where((_, i) => i != freed)], 2);
        using var last = heap.EnterScope();
        Assert.Equal(77, pointers[leaving].Deref(last)[7]);
    }

    [Fact]
    public void Eviction_WriteFails_LeavesObjectsAsTheyAre()
    {
        var pool = new FaultyPool(1);
        using var heap = FarHeapTests.Open(pool);
        pool.HoldWrites();
        var pointers = FarHeapTests.Fill(heap, 800);
        Assert.True(SpinWait.SpinUntil(() => pool.WritesWaiting > 0, TimeSpan.FromSeconds(10)));
        var leaving = pointers.Where(p => FarHeapTests.WordOf(p).IsEvicting).Take(3).ToArray();
        using (var scope = heap.EnterScope())
            leaving[0].Deref(scope)[7] = 70;
        heap.Free(leaving[1]);
        pool.FailAllWrites = FarMemory.Pool.WriteStatus.TooFewNodes;
        // The write that waits ends badly: its timeout is the pool's to keep; here the pool is told to fail it.
        pool.FailHeldWrites();
        Assert.True(SpinWait.SpinUntil(() => heap.Counters.SetsRefused > 0, TimeSpan.FromSeconds(10)));
        Assert.True(SpinWait.SpinUntil(() => !FarHeapTests.WordOf(leaving[2]).IsEvicting, TimeSpan.FromSeconds(10)));
        pool.FailAllWrites = null;
        pool.OpenWrites();
        FarHeapTests.Touch(heap, [.. pointers.Where(p => p != leaving[1])], 1);
        using var last = heap.EnterScope();
        Assert.Equal(70, leaving[0].Deref(last)[7]);
    }

    [Fact]
    public void Dispose_WhileWritesHang_Ends()
    {
        var pool = new FaultyPool(1);
        var heap = FarHeapTests.Open(pool);
        pool.HoldWrites();
        FarHeapTests.Fill(heap, 800);
        Assert.True(SpinWait.SpinUntil(() => pool.WritesWaiting > 0, TimeSpan.FromSeconds(10)));
        heap.Dispose();
        Assert.Null(heap.Failure);
    }
}
