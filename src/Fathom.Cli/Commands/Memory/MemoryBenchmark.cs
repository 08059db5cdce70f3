using System.Diagnostics;
using Fathom.Cli.CommandLine;
using Fathom.FarMemory;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Hosting;

namespace Fathom.Cli.Commands.Memory;

/// <summary>What a memory benchmark does.</summary>
internal sealed record MemoryWorkload(
    bool IsTransactions, long Objects, int ObjectBytes, double LocalShare, double Zipf, int Threads, double WarmUpSeconds, double Seconds, double WriteShare, double KillAtSeconds)
{
    public IMemoryAccesses CreateAccesses() => IsTransactions
        ? new KeyValueTransactions(Objects, ObjectBytes, Zipf)
        : new ArrayAccesses(Objects, ObjectBytes, Zipf, WriteShare);
}

/// <summary>What it found.</summary>
internal sealed record MemoryResult(
    double OperationsPerS, double P50Us, double P99Us, double MaxUs, double FarBytesOverLive,
    long Operations, long SwapIns, double ReadsPerSwapIn, double BytesWrittenPerByteEvicted, double TransfersPerCompaction, double FragmentsPerDegradedRead,
    long Compactions, long DegradedReads, long HedgedReads, long FailedOperations, RebuildResult? Rebuild, double? RecoveredAfterS, [property: System.Text.Json.Serialization.JsonPropertyName("timeline_100ms_operations")] IReadOnlyList<long> Timeline);

/// <summary>Accesses to objects on a heap that keeps only a part of them local, over real memory nodes.</summary>
internal sealed class MemoryBenchmark(HostedFarPool pool, NodeCluster? cluster, MemoryWorkload workload, ulong seed)
{
    /// <summary>Index of the node that a recovery run kills.</summary>
    public const int KilledNode = 2;

    private readonly long[] _operations = new long[workload.Threads];
    private readonly LatencyHistogram[] _latencies = [.. Enumerable.Range(0, workload.Threads).Select(_ => new LatencyHistogram())];
    private long _failed;
    private volatile CommandException? _wrong;
    private volatile bool _isOver;
    private volatile bool _isMeasuring;

    public async Task<MemoryResult> RunAsync(CancellationToken cancellation)
    {
        var localBytes = Math.Max(FarHeapOptions.LocalMemoryBytesMin, (long)(workload.Objects * workload.ObjectBytes * workload.LocalShare));
        using var heap = new FarHeap(pool, new FarHeapOptions { LocalMemoryBytes = localBytes });
        using var accesses = workload.CreateAccesses();
        await Task.Run(() => accesses.Fill(heap, cancellation), cancellation);

        var threads = Enumerable.Range(0, workload.Threads).Select(thread => new Thread(() => Work(accesses, thread)) { IsBackground = true, Name = $"bench {thread}" }).ToList();
        threads.ForEach(thread => thread.Start());
        // Caches, tiers of compiled code, hot and cold objects and the mix of live and dead spans settle first.
        await Task.Delay(TimeSpan.FromSeconds(workload.WarmUpSeconds), cancellation);
        var before = pool.Counters;
        var operationsBefore = _operations.Sum();
        _isMeasuring = true;
        var start = Stopwatch.GetTimestamp();
        var rebuild = new RebuildWatch(pool);
        var (timeline, isKilled) = await WatchAsync(start, rebuild, cancellation);
        var elapsed = Stopwatch.GetElapsedTime(start);
        var operations = _operations.Sum() - operationsBefore;
        _isOver = true;
        await Task.Run(() => threads.ForEach(thread => thread.Join()), cancellation);
        if (_wrong is { } wrong)
            throw wrong;
        var after = pool.Counters;
        var rebuilt = isKilled ? await rebuild.ResultAsync(cancellation) : null;
        var all = new LatencyHistogram();
        foreach (var latencies in _latencies)
            all.Merge(latencies);
        var reads = after.SpansRead - before.SpansRead;
        var direct = reads - (after.DegradedReads - before.DegradedReads);
        return new MemoryResult(
            Math.Round(operations / elapsed.TotalSeconds), all.PercentileUs(0.5), all.PercentileUs(0.99), Math.Round(all.MaxUs),
            Ratio(after.AllocatedBytes, after.LiveBytes),
            operations, reads, Ratio(after.FragmentReads - before.FragmentReads, direct),
            Ratio(after.FragmentBytesWritten - before.FragmentBytesWritten, after.SpanBytesWritten - before.SpanBytesWritten),
            Ratio(after.CompactionTransfers - before.CompactionTransfers, after.Compactions - before.Compactions),
            Ratio(after.DegradedFragments - before.DegradedFragments, after.DegradedReads - before.DegradedReads),
            after.Compactions - before.Compactions, after.DegradedReads - before.DegradedReads, after.HedgedReads - before.HedgedReads,
            Interlocked.Read(ref _failed), rebuilt, RecoveredAfter(timeline), timeline);
    }

    private void Work(IMemoryAccesses accesses, int thread)
    {
        var random = new Random(HashCode.Combine(seed, thread));
        while (!_isOver)
        {
            var start = Stopwatch.GetTimestamp();
            try
            {
                accesses.Run(random);
            }
            catch (FarMemoryException)
            {
                Interlocked.Increment(ref _failed);
            }
            catch (CommandException wrong)
            {
                _wrong = wrong; // told by the thread that waits for this one
                return;
            }
            if (_isMeasuring)
                _latencies[thread].Add(Stopwatch.GetTimestamp() - start);
            Volatile.Write(ref _operations[thread], _operations[thread] + 1);
        }
    }

    /// <summary>Operations in steps of 100 ms; kills a node when its time has come.</summary>
    private async Task<(List<long> Timeline, bool IsKilled)> WatchAsync(long start, RebuildWatch rebuild, CancellationToken cancellation)
    {
        var timeline = new List<long>();
        var isKilled = false;
        var before = _operations.Sum();
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < workload.Seconds)
        {
            await tick.WaitForNextTickAsync(cancellation);
            var now = _operations.Sum();
            timeline.Add(now - before);
            before = now;
            if (workload.KillAtSeconds > 0 && !isKilled && cluster is not null && Stopwatch.GetElapsedTime(start).TotalSeconds >= workload.KillAtSeconds)
            {
                isKilled = true;
                rebuild.Start();
                cluster.Nodes[KilledNode].Kill();
            }
        }
        return (timeline, isKilled);
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
