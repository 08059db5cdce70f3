using System.Diagnostics;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;
using Fathom.FarMemory.Swap;
using Fathom.FarMemory.Tests.Heap;

namespace Fathom.FarMemory.Tests.Swap;

/// <summary>Threads that make, read, change, share, pin and free objects of many sizes in too little local memory; every byte is checked.</summary>
public class TortureTests(Xunit.Abstractions.ITestOutputHelper output)
{
    private static readonly TimeSpan RunTime = TimeSpan.FromSeconds(
        double.Parse(Environment.GetEnvironmentVariable("FATHOM_TORTURE_SECONDS") ?? "2", System.Globalization.CultureInfo.InvariantCulture));

    [Theory]
    [InlineData(1, 0.5, 0.0, 4)]
    [InlineData(2, 0.25, 0.0, 4)]
    [InlineData(3, 0.1, 0.0, 4)]
    [InlineData(4, 0.25, 0.02, 4)]
    [InlineData(5, 0.1, 0.05, 4)]
    [InlineData(6, 0.2, 0.02, 1)]
    public void Objects_UnderPressure_KeepEveryByte(int seed, double localShare, double faults, int spansPerSet)
    {
        const long dataBytes = 24 << 20;
        var pool = new FaultyPool(seed, faults, faults, spansPerSet);
        using (var heap = new FarHeap(pool, new FarHeapOptions
        {
            LocalMemoryBytes = (long)(dataBytes * localShare),
            EvictionThreads = seed % 2 + 1,
            FilteringThreads = seed % 3 == 0 ? 2 : 1,
            RoomTimeout = TimeSpan.FromSeconds(20),
        }))
        {
            var workers = Enumerable.Range(0, 4).Select(i => new Worker(heap, seed * 100 + i, dataBytes / 4)).ToArray();
            var threads = workers.Select(w => new Thread(() => w.Run(RunTime))).ToArray();
            foreach (var thread in threads)
                thread.Start();
            foreach (var thread in threads)
                thread.Join();
            foreach (var worker in workers)
                Assert.True(worker.Failure is null, $"{worker.Failure}\n{heap.Counters}");
            Assert.Null(heap.Failure);
            foreach (var worker in workers)
                worker.CheckAndFreeAll();
            Assert.True(heap.Counters.SwapIns > 0, heap.Counters.ToString());
            output.WriteLine(heap.Counters.ToString());
            FarHeapTests.NothingStaysFar(heap, pool);
        }
        Assert.Equal(0, pool.Counters.LiveBytes);
    }

    private sealed class Worker(FarHeap heap, int seed, long bytesWanted)
    {
        private readonly Random _random = new(seed);
        private readonly List<(RemoteBytes Pointer, int Seed, int Length)> _objects = [];
        private long _bytes;

        public Exception? Failure { get; private set; }

        public void Run(TimeSpan time)
        {
            try
            {
                var start = Stopwatch.GetTimestamp();
                while (Stopwatch.GetElapsedTime(start) < time)
                {
                    for (var i = 0; i < 50; i++)
                        Step();
                }
            }
            catch (Exception e)
            {
                Failure = e;
            }
        }

        public void CheckAndFreeAll()
        {
            while (_objects.Count > 0)
            {
                Tolerating(() => Check(_objects.Count - 1));
                FreeAt(_objects.Count - 1);
            }
        }

        private void Step()
        {
            var choice = _random.Next(100);
            if (_objects.Count == 0 || choice < 20 && _bytes < bytesWanted || _bytes < bytesWanted / 2)
                Make();
            else if (choice < 30)
                FreeAt(_random.Next(_objects.Count));
            else if (choice < 60)
                Tolerating(() => Check(Pick()));
            else if (choice < 90)
                Tolerating(() => Change(Pick()));
            else if (choice < 95)
                Tolerating(() => CheckMany());
            else
                heap.Prefetch(_objects[Pick()].Pointer);
        }

        // Skewed, so that there is something hot.
        private int Pick() => _random.Next(2) == 0 ? _random.Next(_objects.Count) : _random.Next(Math.Max(1, _objects.Count / 10));

        private void Make()
        {
            var length = _random.Next(1000) switch
            {
                < 600 => _random.Next(200),
                < 900 => _random.Next(4096),
                < 990 => _random.Next(30_000),
                < 999 => _random.Next(100_000),
                _ => 270_000 + _random.Next(100_000),
            };
            var fill = _random.Next();
            var pointer = heap.AllocateBytes(length);
            _objects.Add((pointer, fill, length));
            _bytes += length;
            Tolerating(() =>
            {
                using var scope = heap.EnterScope();
                Pattern(pointer.Deref(scope), fill);
            }, () => _objects[^1] = (pointer, -1, length));
        }

        private void FreeAt(int index)
        {
            var (pointer, _, length) = _objects[index];
            heap.Free(pointer);
            _objects[index] = _objects[^1];
            _objects.RemoveAt(_objects.Count - 1);
            _bytes -= length;
        }

        private void Check(int index)
        {
            var (pointer, fill, length) = _objects[index];
            using var scope = heap.EnterScope();
            var bytes = pointer.Deref(scope);
            Assert.Equal(length, bytes.Length);
            CheckPattern(bytes, fill);
        }

        /// <summary>Several references at once, used after all of them were taken: none may have moved.</summary>
        private void CheckMany()
        {
            using var scope = heap.EnterScope();
            var first = _objects[Pick()];
            var second = _objects[Pick()];
            var third = _objects[Pick()];
            var a = first.Pointer.Deref(scope);
            var b = second.Pointer.Deref(scope);
            using (var inner = heap.EnterScope())
                CheckPattern(third.Pointer.Deref(inner), third.Seed);
            CheckPattern(a, first.Seed);
            CheckPattern(b, second.Seed);
        }

        private void Change(int index)
        {
            var (pointer, _, length) = _objects[index];
            var fill = _random.Next();
            using var scope = heap.EnterScope();
            Pattern(pointer.Deref(scope), fill);
            _objects[index] = (pointer, fill, length);
        }

        private void Tolerating(Action action, Action? otherwise = null)
        {
            try
            {
                action();
            }
            catch (SwapInFailedException)
            {
                otherwise?.Invoke(); // a fault of the pool, reported as such: nothing has changed
            }
        }

        private static void Pattern(Span<byte> bytes, int fill)
        {
            for (var i = 0; i < bytes.Length; i++)
                bytes[i] = (byte)(fill + i * 31);
        }

        private static void CheckPattern(ReadOnlySpan<byte> bytes, int fill)
        {
            for (var i = 0; i < bytes.Length; i++)
            {
                var wanted = fill == -1 ? (byte)0 : (byte)(fill + i * 31);
                if (bytes[i] != wanted)
                    throw new InvalidOperationException($"Byte {i} of {bytes.Length} is {bytes[i]}, {wanted} was written.");
            }
        }
    }
}
