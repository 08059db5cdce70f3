using Fathom.FarMemory.Containers;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Swap;
using Fathom.FarMemory.Tests.Heap;
using Fathom.FarMemory.Tests.Swap;

namespace Fathom.FarMemory.Tests.Containers;

/// <summary>Every container against the collection of the base library, in a megabyte of local memory.</summary>
public sealed class ContainerTests : IDisposable
{
    private readonly FaultyPool _pool = new(1);
    private readonly FarHeap _heap;

    public ContainerTests() => _heap = FarHeapTests.Open(_pool);

    public void Dispose()
    {
        Assert.Null(_heap.Failure);
        _heap.Dispose();
        Assert.Equal(0, _pool.Counters.LiveBytes);
    }

    [Fact]
    public void Array_OfSmallElements_AgreesWithAnArray()
    {
        using var far = new FarArray<long>(_heap, 400_000);
        var model = new long[far.Length];
        var random = new Random(1);
        for (var step = 0; step < 300_000; step++)
        {
            var index = random.Next(model.Length);
            using var scope = _heap.EnterScope();
            ref var element = ref far.At(index, scope);
            Assert.Equal(model[index], element);
            element = model[index] = random.NextInt64();
        }
        Assert.Equal(128, far.ElementsPerObject);
        Assert.True(_heap.Counters.SwapIns > 0);
    }

    [Fact]
    public void Array_OfLargeElements_AgreesWithAnArray()
    {
        using var far = new FarArray<FarHeapTests.Block>(_heap, 3000);
        var model = new long[far.Length];
        var random = new Random(2);
        for (var step = 0; step < 30_000; step++)
        {
            var index = random.Next(model.Length);
            if (step % 7 == 0)
                far.Prefetch(random.Next(model.Length));
            using var scope = _heap.EnterScope();
            ref var element = ref far.At(index, scope);
            Assert.Equal(model[index], element[64]);
            element[64] = model[index] = step;
        }
        Assert.Equal(1, far.ElementsPerObject);
    }

    [Fact]
    public void Array_IndexOutside_Throws()
    {
        using var far = new FarArray<int>(_heap, 10);
        using var empty = new FarArray<int>(_heap, 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => Read(far, 10));
        Assert.Throws<ArgumentOutOfRangeException>(() => Read(far, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Read(empty, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FarArray<int>(_heap, -1));

        int Read(FarArray<int> array, long index)
        {
            using var scope = _heap.EnterScope();
            return array.At(index, scope);
        }
    }

    [Fact]
    public void Array_DisposedAndMadeAgain_ReusesItsSlots()
    {
        new FarArray<long>(_heap, 400_000).Dispose();
        var slotBytes = _heap.Counters.SlotBytes;
        for (var i = 0; i < 5; i++)
            new FarArray<long>(_heap, 400_000).Dispose();
        Assert.Equal(slotBytes, _heap.Counters.SlotBytes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Dictionary_AtRandom_AgreesWithADictionary(int seed)
    {
        using var far = new FarDictionary<long, FarHeapTests.Block>(_heap);
        var model = new Dictionary<long, long>();
        var random = new Random(seed);
        for (var step = 0; step < 40_000; step++)
        {
            var key = random.NextInt64(4000) * 0x1_0000_0000;
            switch (random.Next(4))
            {
                case 0:
                    Assert.Equal(!model.ContainsKey(key), far.Set(key, FarHeapTests.Numbered(step)));
                    model[key] = step;
                    break;
                case 1:
                    Assert.Equal(model.Remove(key, out var expected), far.Remove(key, out var removed));
                    Assert.Equal(expected, removed[0]);
                    break;
                case 2:
                    var isThere = model.TryGetValue(key, out var before);
                    Assert.Equal(isThere, far.TryChange(key, step, static (ref block, by) => block[0] += by));
                    if (isThere)
                        model[key] = before + step;
                    break;
                default:
                    Assert.Equal(model.TryGetValue(key, out var wanted), far.TryGet(key, out var value));
                    Assert.Equal(wanted, value[0]);
                    break;
            }
            Assert.Equal(model.Count, far.Count);
        }
        foreach (var (key, wanted) in model)
        {
            Assert.True(far.TryGet(key, out var value));
            Assert.Equal(wanted, value[0]);
        }
    }

    [Fact]
    public void Dictionary_ManyThreads_LosesNoChange()
    {
        using var far = new FarDictionary<int, FarHeapTests.Block>(_heap);
        for (var key = 0; key < 3000; key++)
            far.Set(key, default);
        var threads = Enumerable.Range(0, 4).Select(t => new Thread(() =>
        {
            var random = new Random(t);
            for (var i = 0; i < 10_000; i++)
                far.TryChange(random.Next(3000), 1, static (ref block, by) => block[9] += by);
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        var sum = 0L;
        for (var key = 0; key < 3000; key++)
        {
            Assert.True(far.TryGet(key, out var block));
            sum += block[9];
        }
        Assert.Equal(40_000, sum);
    }

    [Theory]
    [InlineData(1, 256)]
    [InlineData(2, 1024)]
    [InlineData(3, 4096)]
    public void BTree_AtRandom_AgreesWithASortedDictionary(int seed, int nodeBytes)
    {
        using var far = new FarBTree<int, Wide>(_heap, nodeBytes);
        var model = new SortedDictionary<int, long>();
        var random = new Random(seed);
        var room = new KeyValuePair<int, Wide>[20];
        for (var phase = 0; phase < 4; phase++)
        {
            for (var step = 0; step < 25_000; step++)
            {
                var key = random.Next(60_000);
                var choice = random.Next(10);
                if (choice < (phase % 2 == 0 ? 6 : 1))
                {
                    Assert.Equal(!model.ContainsKey(key), far.Set(key, new Wide(step)));
                    model[key] = step;
                }
                else if (choice < 8)
                {
                    if (phase % 2 == 1 && model.Count > 0)
                        key = model.First().Key; // empties whole leaves
                    Assert.Equal(model.Remove(key, out var expected), far.Remove(key, out var removed));
                    Assert.Equal(expected, removed.First);
                }
                else
                {
                    Assert.Equal(model.TryGetValue(key, out var wanted), far.TryGet(key, out var value));
                    Assert.Equal(wanted, value.First);
                }
                Assert.Equal(model.Count, far.Count);
            }
            var from = random.Next(60_000);
            var read = room.AsSpan(0, far.Read(from, room)).ToArray();
            Assert.Equal(model.Where(e => e.Key >= from).Take(20).Select(e => (e.Key, e.Value)), read.Select(e => (e.Key, e.Value.First)));
        }
        foreach (var key in model.Keys.ToList())
            Assert.True(far.Remove(key, out _));
        Assert.Equal(0, far.Count);
        Assert.Equal(0, far.Read(0, room));
        Assert.True(far.Set(1, new Wide(1)));
        Assert.True(far.TryGet(1, out _));
    }

    [Fact]
    public void BTree_ReadersAndAWriter_SeeWholeValues()
    {
        using var far = new FarBTree<int, Wide>(_heap);
        for (var key = 0; key < 20_000; key++)
            far.Set(key, new Wide(0));
        var torn = 0;
        var done = false;
        var readers = Enumerable.Range(0, 2).Select(t => new Thread(() =>
        {
            var random = new Random(t);
            while (!Volatile.Read(ref done))
            {
                if (!far.TryGet(random.Next(20_000), out var value) || value.First != value.Last)
                    Interlocked.Increment(ref torn);
            }
        })).ToList();
        readers.ForEach(t => t.Start());
        for (var i = 0; i < 20_000; i++)
            far.Set(i * 7919 % 20_000, new Wide(i));
        Volatile.Write(ref done, true);
        readers.ForEach(t => t.Join());
        Assert.Equal(0, torn);
    }

    [Fact]
    public void Queue_AtRandom_AgreesWithAQueue()
    {
        using var far = new FarQueue<FarHeapTests.Block>(_heap, capacity: 5000);
        var model = new Queue<long>();
        var random = new Random(3);
        for (var step = 0; step < 40_000; step++)
        {
            if (random.Next(100) < (step / 10_000 % 2 == 0 ? 70 : 30))
            {
                Assert.Equal(model.Count < 5000, far.TryEnqueue(FarHeapTests.Numbered(step)));
                if (model.Count < 5000)
                    model.Enqueue(step);
            }
            else
            {
                Assert.Equal(model.TryDequeue(out var wanted), far.TryDequeue(out var item));
                Assert.Equal(wanted, item[0]);
            }
            Assert.Equal(model.Count, far.Count);
        }
        Assert.True(_heap.Counters.SwapIns > 0);
    }

    [Fact]
    public void Containers_PoolRefusesReads_StayAsTheyWere()
    {
        using var tree = new FarBTree<int, Wide>(_heap);
        using var table = new FarDictionary<int, Wide>(_heap);
        for (var key = 0; key < 30_000; key++)
        {
            tree.Set(key, new Wide(key));
            table.Set(key, new Wide(key));
        }
        _pool.FailAllReads = ReadStatus.Deadline;
        var failures = 0;
        for (var key = 0; key < 30_000; key += 11)
        {
            failures += Fails(() => tree.Set(key, new Wide(-1))) ? 1 : 0;
            failures += Fails(() => table.Remove(key, out _)) ? 1 : 0;
        }
        Assert.True(failures > 100);
        _pool.FailAllReads = null;
        for (var key = 0; key < 30_000; key++)
        {
            Assert.True(tree.TryGet(key, out var value));
            Assert.True(value.First == key || value.First == -1 && key % 11 == 0);
            Assert.Equal(value.First, value.Last);
            Assert.True(table.TryGet(key, out value) ? value.First == key : key % 11 == 0);
        }

        static bool Fails(Action action)
        {
            try
            {
                action();
                return false;
            }
            catch (SwapInFailedException)
            {
                return true;
            }
        }
    }

    private readonly struct Wide(long value)
    {
        public readonly long First = value;
        public readonly long Middle1 = value;
        public readonly long Middle2 = value;
        public readonly long Last = value;
    }
}
