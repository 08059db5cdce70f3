using System.Diagnostics;
using System.Runtime.InteropServices;
using Fathom.Cli.CommandLine;
using Fathom.FarMemory;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Hosting;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pointers;
using Fathom.FarMemory.Pool;
using Fathom.Memory;

namespace Fathom.Cli.Commands.Memory;

/// <summary>What a memory benchmark does.</summary>
internal sealed record MemoryWorkload(
    long Objects, int ObjectBytes, double LocalShare, double Zipf, int Threads, double Seconds, double WriteShare, int CompactionThreads, double KillAtSeconds);

/// <summary>What it found. Bytes per second of rebuild count what was written to the new nodes.</summary>
internal sealed record MemoryResult(
    double OperationsPerS, double P50Us, double P99Us, double MaxUs, double FarBytesOverLive,
    double SwapInP50Us, double SwapInP99Us, double SwapInAllocatedBytes,
    long Operations, long SwapIns, double ReadsPerSwapIn, double BytesWrittenPerByteEvicted, double TransfersPerCompaction, double FragmentsPerDegradedRead,
    long Compactions, long DegradedReads, long HedgedReads, long FailedOperations, double? RebuildMbPerS, double? RecoveredAfterS, [property: System.Text.Json.Serialization.JsonPropertyName("timeline_100ms_operations")] IReadOnlyList<long> Timeline);

/// <summary>Random accesses to an array of objects on a heap that keeps only a part of them local, over real memory nodes.</summary>
internal sealed class MemoryBenchmark(HostedFarPool pool, NodeCluster? cluster, MemoryWorkload workload, ulong seed)
{
    private const int SwapInSpanBytes = 8192;
    private static readonly TimeSpan OperationTime = TimeSpan.FromSeconds(5);

    private readonly long[] _operations = new long[workload.Threads];
    private readonly LatencyHistogram[] _latencies = [.. Enumerable.Range(0, workload.Threads).Select(_ => new LatencyHistogram())];
    private long _failed;
    private volatile bool _isOver;
    private volatile bool _isMeasuring;

    public async Task<MemoryResult> RunAsync(CancellationToken cancellation)
    {
        var (swapIn, allocated) = await MeasureSwapInAsync(cancellation);
        var localBytes = Math.Max(FarHeapOptions.LocalMemoryBytesMin, (long)(workload.Objects * workload.ObjectBytes * workload.LocalShare));
        using var heap = new FarHeap(pool, new FarHeapOptions { LocalMemoryBytes = localBytes });
        var objects = new RemoteBytes[workload.Objects];
        await Task.Run(() => Fill(heap, objects, cancellation), cancellation);

        var threads = Enumerable.Range(0, workload.Threads).Select(thread => new Thread(() => Work(heap, objects, thread)) { IsBackground = true, Name = $"bench {thread}" }).ToList();
        threads.ForEach(thread => thread.Start());
        // The first second lets caches, tiers of compiled code and the mix of live and dead spans settle.
        await Task.Delay(TimeSpan.FromSeconds(Math.Min(2, workload.Seconds / 4)), cancellation);
        var before = pool.Counters;
        var operationsBefore = _operations.Sum();
        _isMeasuring = true;
        var start = Stopwatch.GetTimestamp();
        var rebuild = new RebuildWatch(pool);
        var (timeline, killedAt) = await WatchAsync(start, rebuild, cancellation);
        var elapsed = Stopwatch.GetElapsedTime(start);
        var operations = _operations.Sum() - operationsBefore;
        _isOver = true;
        await Task.Run(() => threads.ForEach(thread => thread.Join()), cancellation);
        var after = pool.Counters;
        double? rebuildMbPerS = killedAt is null ? null : await rebuild.MbPerSAsync(cancellation);
        var all = new LatencyHistogram();
        foreach (var latencies in _latencies)
            all.Merge(latencies);
        var reads = after.SpansRead - before.SpansRead;
        var direct = reads - (after.DegradedReads - before.DegradedReads);
        return new MemoryResult(
            Math.Round(operations / elapsed.TotalSeconds), all.PercentileUs(0.5), all.PercentileUs(0.99), Math.Round(all.MaxUs),
            Ratio(after.AllocatedBytes, after.LiveBytes), swapIn.PercentileUs(0.5), swapIn.PercentileUs(0.99), allocated,
            operations, reads, Ratio(after.FragmentReads - before.FragmentReads, direct),
            Ratio(after.FragmentBytesWritten - before.FragmentBytesWritten, after.SpanBytesWritten - before.SpanBytesWritten),
            Ratio(after.CompactionTransfers - before.CompactionTransfers, after.Compactions - before.Compactions),
            Ratio(after.DegradedFragments - before.DegradedFragments, after.DegradedReads - before.DegradedReads),
            after.Compactions - before.Compactions, after.DegradedReads - before.DegradedReads, after.HedgedReads - before.HedgedReads,
            Interlocked.Read(ref _failed), rebuildMbPerS, RecoveredAfter(timeline), timeline);
    }

    /// <summary>The bare swap-in: one thread, one span at a time, no heap.</summary>
    private async Task<(LatencyHistogram Latencies, double AllocatedBytes)> MeasureSwapInAsync(CancellationToken cancellation)
    {
        const int sets = 64;
        const int reads = 20_000;
        using var bytes = NativeBuffer.Allocate(16L * SwapInSpanBytes);
        var ids = new List<SpanId>();
        var images = Enumerable.Range(0, pool.SpansPerSet).Select(i => new SpanImage(bytes.View.Slice((long)i * SwapInSpanBytes, SwapInSpanBytes))).ToArray();
        for (var set = 0; set < sets; set++)
        {
            var written = new SpanId[images.Length];
            var outcome = await pool.WriteSpanSetAsync(images, written, OperationTime, cancellation);
            if (!outcome.IsWritten)
                throw new CommandException($"The first span sets could not be written: {outcome.Status}.");
            ids.AddRange(written);
        }
        var latencies = new LatencyHistogram();
        var random = new Random((int)seed);
        long allocated = 0;
        await Task.Run(() =>
        {
            for (var i = 0; i < reads; i++)
            {
                var span = ids[random.Next(ids.Count)];
                var before = GC.GetAllocatedBytesForCurrentThread();
                var start = Stopwatch.GetTimestamp();
                pool.ReadSpan(span, bytes.View, OperationTime);
                if (i < reads / 4)
                    continue;
                latencies.Add(Stopwatch.GetTimestamp() - start);
                allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            }
        }, cancellation);
        ids.ForEach(pool.Release);
        return (latencies, Math.Round(allocated / (reads * 0.75), 2));
    }

    private void Fill(FarHeap heap, RemoteBytes[] objects, CancellationToken cancellation)
    {
        for (long i = 0; i < objects.Length; i++)
        {
            if (i % 4096 == 0)
                cancellation.ThrowIfCancellationRequested();
            objects[i] = heap.AllocateBytes(workload.ObjectBytes);
            using var scope = heap.EnterScope();
            MemoryMarshal.Write(objects[i].Deref(scope), in i);
        }
    }

    private void Work(FarHeap heap, RemoteBytes[] objects, int thread)
    {
        var random = new Random(HashCode.Combine(seed, thread));
        var indexes = new ZipfIndexes(objects.Length, workload.Zipf);
        while (!_isOver)
        {
            var index = indexes.Next(random);
            var isWrite = random.NextDouble() < workload.WriteShare;
            var start = Stopwatch.GetTimestamp();
            try
            {
                using var scope = heap.EnterScope();
                var bytes = objects[index].Deref(scope);
                if (MemoryMarshal.Read<long>(bytes) != index)
                    throw new CommandException($"Object {index} has wrong bytes.");
                if (isWrite)
                    bytes[sizeof(long)]++;
            }
            catch (FarMemoryException)
            {
                Interlocked.Increment(ref _failed);
            }
            if (_isMeasuring)
                _latencies[thread].Add(Stopwatch.GetTimestamp() - start);
            Volatile.Write(ref _operations[thread], _operations[thread] + 1);
        }
    }

    /// <summary>Operations in steps of 100 ms; kills a node when its time has come.</summary>
    private async Task<(List<long> Timeline, long? KilledAt)> WatchAsync(long start, RebuildWatch rebuild, CancellationToken cancellation)
    {
        var timeline = new List<long>();
        long? killedAt = null;
        var before = _operations.Sum();
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < workload.Seconds)
        {
            await tick.WaitForNextTickAsync(cancellation);
            var now = _operations.Sum();
            timeline.Add(now - before);
            before = now;
            if (workload.KillAtSeconds > 0 && killedAt is null && cluster is not null && Stopwatch.GetElapsedTime(start).TotalSeconds >= workload.KillAtSeconds)
            {
                cluster.Nodes[2].Kill();
                killedAt = Stopwatch.GetTimestamp();
                rebuild.Start();
            }
        }
        return (timeline, killedAt);
    }

    /// <summary>
    /// From the kill to the end of the last stretch of 300 ms below 90% of the throughput before it, within the five seconds after it:
    /// the rebuild begins some time after the kill and takes its own share.
    /// </summary>
    private double? RecoveredAfter(List<long> timeline)
    {
        const int stretch = 3;
        const int lookedAt = 50;
        var kill = (int)(workload.KillAtSeconds * 10);
        if (kill < stretch || timeline.Count < kill + stretch + 1)
            return null;
        var normal = timeline.Take(kill).Skip(kill / 3).Average() * 0.9;
        var recovered = 0;
        for (var i = kill; i + stretch <= timeline.Count && i < kill + lookedAt; i++)
        {
            if (timeline.Skip(i).Take(stretch).Average() < normal)
                recovered = i + 1 - kill;
        }
        return recovered / 10.0;
    }

    private static double Ratio(long part, long whole) => whole == 0 ? 0 : Math.Round(part / (double)whole, 3);
}
