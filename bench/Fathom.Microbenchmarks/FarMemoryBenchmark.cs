using System.Diagnostics;
using System.Runtime.CompilerServices;
using Fathom.FarMemory.ErasureCode;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Pointers;
using Fathom.FarMemory.Pool;
using Fathom.Memory;

namespace Fathom.Microbenchmarks;

/// <summary>What far memory costs on one core without a network: a dereference, a scope, an allocation, a swap-in, a span set's parity.</summary>
internal static class FarMemoryBenchmark
{
    private const int Objects = 1024;
    private const int ShardBytes = 64 << 10;

    /// <summary>Measures every case in every round, so that what else the machine does hits all of them alike.</summary>
    public static IReadOnlyList<FarMemoryRow> Run(int rounds, TimeSpan window, Action<string> progress)
    {
        using var heap = new FarHeap(new InProcessFarPool(1L << 33), new FarHeapOptions { LocalMemoryBytes = 64 << 20 });
        using var shards = NativeBuffer.Allocate(6 * ShardBytes);
        NativeView[] data = [.. Enumerable.Range(0, 4).Select(i => shards.View.Slice(i * ShardBytes, ShardBytes))];
        NativeView[] parity = [.. Enumerable.Range(4, 2).Select(i => shards.View.Slice(i * ShardBytes, ShardBytes))];
        new Random(1).NextBytes(shards.AsSpan<byte>(0, 4 * ShardBytes));
        var cases = new List<Case>();
        AddDereferences(cases, heap);
        foreach (var path in Enum.GetValues<ShardProductPath>().Where(p => p != ShardProductPath.Scalar))
        {
            if (!IsSupported(path))
                continue;
            var code = new ReedSolomon(4, 2, path);
            cases.Add(new Case($"encode 4+2, 64 KiB, {path}", 4 * ShardBytes, 1, () => code.Encode(data, parity)));
        }
        if (IsaL.IsPresent)
        {
            Check(data, parity);
            var encode = IsaL.Encoder(4, 2);
            cases.Add(new Case("encode 4+2, 64 KiB, ISA-L", 4 * ShardBytes, 1, () => encode(data, parity)));
        }
        cases.Add(new Case("reconstruct 1 of 4+2, 64 KiB", 4 * ShardBytes, 1, () =>
            ReedSolomon.FourPlusTwo.Reconstruct([1, 2, 3, 4], [data[1], data[2], data[3], parity[0]], [0], [parity[1]])));
        cases.Add(new Case("CRC-32C, 8 KiB", 8192, 1, () => Crc32C.Compute(data[0].Slice(0, 8192))));
        for (var round = 0; round < rounds; round++)
        {
            foreach (var one in cases)
                one.Measure(window);
        }
        cases.Add(SwapIns());
        foreach (var one in cases)
            progress(one.Row.ToString());
        return [.. cases.Select(c => c.Row)];
    }

    private static bool IsSupported(ShardProductPath path)
    {
        try
        {
            _ = new ReedSolomon(1, 1, path);
            return true;
        }
        catch (PlatformNotSupportedException)
        {
            return false;
        }
    }

    private static void AddDereferences(List<Case> cases, FarHeap heap)
    {
        var pointers = Enumerable.Range(0, Objects).Select(i => heap.Allocate((long)i)).ToArray();
        var addresses = pointers.Select(AddressIn(heap)).ToArray(); // nothing moves while the heap has room
        var wanted = (long)Objects * (Objects - 1) / 2;
        cases.Add(new Case("raw pointer", 0, Objects, () =>
        {
            var sum = 0L;
            foreach (var address in addresses)
                sum += Unsafe.AddByteOffset(ref Unsafe.NullRef<long>(), address);
            Expect(sum, wanted);
        }));
        cases.Add(new Case("deref, local", 0, Objects, () =>
        {
            var sum = 0L;
            using var open = heap.EnterScope();
            foreach (var pointer in pointers)
                sum += pointer.Deref(open);
            Expect(sum, wanted);
        }));
        cases.Add(new Case("scope and one deref", 0, Objects, () =>
        {
            var sum = 0L;
            foreach (var pointer in pointers)
            {
                using var open = heap.EnterScope();
                sum += pointer.Deref(open);
            }
            Expect(sum, wanted);
        }));
        cases.Add(new Case("allocate and free 64 bytes", 0, Objects, () =>
        {
            for (var i = 0; i < Objects; i++)
                heap.Free(heap.Allocate(default(Line)));
        }));
    }

    private static Func<RemoteUnique<long>, nint> AddressIn(FarHeap heap) => pointer =>
    {
        using var scope = heap.EnterScope();
        return Unsafe.ByteOffset(ref Unsafe.NullRef<long>(), ref pointer.Deref(scope));
    };

    /// <summary>Round an array of 1 KiB objects four times as large as local memory: every span is read once a round.</summary>
    private static Case SwapIns()
    {
        using var heap = new FarHeap(new InProcessFarPool(1L << 33), new FarHeapOptions { LocalMemoryBytes = 8 << 20 });
        var pointers = Enumerable.Range(0, 32 << 10).Select(_ => heap.Allocate(default(Kilobyte))).ToArray();
        var times = new List<double>();
        foreach (var pointer in pointers)
        {
            var isFar = !pointer.IsLocal;
            var start = Stopwatch.GetTimestamp();
            using (var scope = heap.EnterScope())
                pointer.Deref(scope)[0]++;
            if (isFar)
                times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        times.Sort();
        return new Case("swap-in of 8 KiB, pool in this process, p50", 8192, 1, () => { }) { BestSeconds = times[times.Count / 2] };
    }

    /// <summary>Fails when the two codes differ.</summary>
    private static void Check(NativeView[] data, NativeView[] parity)
    {
        ReedSolomon.FourPlusTwo.Encode(data, parity);
        var ours = parity.Select(p => p.AsSpan<byte>().ToArray()).ToArray();
        IsaL.Encoder(4, 2)(data, parity);
        for (var j = 0; j < 2; j++)
        {
            if (!parity[j].AsSpan<byte>().SequenceEqual(ours[j]))
                throw new InvalidOperationException($"Parity {j} differs from ISA-L's.");
        }
    }

    private static void Expect(long sum, long wanted)
    {
        if (sum != wanted)
            throw new InvalidOperationException($"Sum {sum}, expected {wanted}.");
    }

    private sealed class Case(string name, long bytes, int operations, Action run)
    {
        public double BestSeconds { get; set; } = double.PositiveInfinity;

        public FarMemoryRow Row => new(
            name, Math.Round(BestSeconds / operations * 1e9, 2), bytes == 0 ? null : Math.Round(bytes / BestSeconds / 1e9, 1));

        public void Measure(TimeSpan window)
        {
            var until = Stopwatch.GetTimestamp() + (long)(window.TotalSeconds * Stopwatch.Frequency);
            do
            {
                var start = Stopwatch.GetTimestamp();
                run();
                BestSeconds = Math.Min(BestSeconds, Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
            while (Stopwatch.GetTimestamp() < until);
        }
    }

    [InlineArray(8)]
    private struct Line
    {
        private long _first;
    }

    [InlineArray(128)]
    private struct Kilobyte
    {
        private long _first;
    }
}

/// <summary>One measured case.</summary>
internal sealed record FarMemoryRow(string Case, double NsPerOperation, double? GbPerS);
